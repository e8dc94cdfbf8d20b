"""Events of a lease: what a person did, in order, on the disk before it is acknowledged."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vera.annotation.store.leases import Lease, keep
from vera.annotation.store.store import Store, packed
from vera.service.errors import ConflictError

Event = Mapping[str, Any]


def save_event(store: Store, lease: str, seq: int, event: Event, check: Callable[[Sequence[Event]], None]) -> Lease:
    """Keep the event of a lease that has the number `seq`, from 0 on; the same one again changes nothing.

    `check` is given all events of the lease with this one, and raises for what they may not be. ConflictError for
    a number that is another event's or not the next, as from two tabs, and for too many events.
    """
    with store.change():
        held = keep(store, lease)
        before = events_of(store, held.number)
        if seq < len(before) and before[seq] == event:
            return held
        if seq != len(before):
            raise ConflictError("this task went on in another tab; load the page anew")
        if seq >= store.rules.most_events:
            raise ConflictError(
                f"{store.rules.most_events:,} steps are the most for one task; finish it, or call the clip unusable"
            )
        check([*before, event])
        store.rows("INSERT INTO events VALUES (?, ?, ?, ?)", held.number, seq, store.wall(), packed(event))
        return held


def events_of(store: Store, lease: int) -> list[Event]:
    """The events of a lease, in order."""
    return [
        json.loads(row["body"]) for row in store.rows("SELECT body FROM events WHERE lease = ? ORDER BY seq", lease)
    ]

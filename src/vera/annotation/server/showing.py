"""A task as its page shows it."""

from collections.abc import Mapping
from typing import Any

from vera.annotation.answering import REASONS
from vera.annotation.clips import EVIDENCE
from vera.annotation.desk import Desk
from vera.annotation.pictures import View
from vera.annotation.server.forms import Proposed, Work
from vera.annotation.store.events import events_of
from vera.annotation.store.leases import Lease, seconds_left
from vera.annotation.store.store import Gate
from vera.annotation.store.tasks import known_noun
from vera.construction.formats.rle import encode_mask
from vera.data.released.writer import FRAME_RATE

VIEWS: Mapping[Gate, list[View]] = {
    "annotate": ["clip"],
    "filter": ["plate", "clip", "difference", "evidence"],
    "curate": ["checker", "alpha", "plain", "clip"],
    "proofread": ["clip", "plate"],
    "background_proofread": ["clip", "result"],
}


def show_work(desk: Desk, lease: Lease) -> Work:
    """All that the page of a lease shows."""
    bounds, clips = desk.bounds(lease), desk.clips
    proposals = clips.proposals(lease.clip) if lease.gate == "annotate" else []
    return Work(
        lease=lease.id,
        gate=lease.gate,
        role=lease.role,
        frames=bounds.frames,
        width=bounds.width,
        height=bounds.height,
        rate=int(FRAME_RATE),
        seconds=seconds_left(desk.store, lease),
        seq=len(events_of(desk.store, lease.number)),
        draft=desk.draft(lease).to_json(),
        proposals=[Proposed(frame=frame, counts=encode_mask(mask)) for frame, mask in proposals],
        views=_views(desk, lease),
        reasons=list(REASONS[lease.gate]),
        noun=_noun(desk, lease),
        words=_words(desk, lease),
        of=clips.judged(lease.gate, lease.clip, lease.object),
    )


def _views(desk: Desk, lease: Lease) -> list[View]:
    """The views of a gate; networks that remove objects leave no evidence."""
    files = desk.clips.files(lease.clip, lease.object)
    return [view for view in VIEWS[lease.gate] if view != "evidence" or EVIDENCE in files]


def _noun(desk: Desk, lease: Lease) -> str:
    if lease.gold:
        return known_noun(desk.store, lease.task)
    objects = desk.clips.facts(lease.clip, "annotate").get("objects", [])
    return str(objects[int(lease.object[1:]) - 1]["noun"]) if objects and lease.object else ""


def _words(desk: Desk, lease: Lease) -> dict[str, str]:
    if not lease.gate.endswith("proofread"):
        return {}
    facts: Mapping[str, Any] = desk.clips.facts(
        lease.clip, f"{lease.object}/{lease.gate.replace('proofread', 'words')}"
    )
    return {"instruction": facts.get("instruction", ""), **facts.get("captions", {})}

"""Sessions: who consented, what they are to meet, and their deletion."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from vera.errors import VeraError
from vera.study.links import digest_text, plain_code
from vera.study.store.connect import forget, reading, writing
from vera.study.store.tables import answers, sessions, studies, trials, withdrawals
from vera.study.study import Trial

TRIES = 50  # of other servers that take the same place in the design
_starting = threading.Lock()


class Session(msgspec.Struct, frozen=True):
    """A rater: place in the design, trials, the numbers of those that are answered."""

    id: str
    slot: int
    trials: tuple[Trial, ...]
    answered: tuple[int, ...]
    finished: float | None


def claim_database(engine: Engine, study: str, registration: str) -> None:
    """Note whose answers a database holds. VeraError if it is another study's, or one registered otherwise."""
    with writing(engine) as connection:
        held = connection.execute(select(studies)).first()
        if held is None:
            connection.execute(insert(studies).values(id=study, registration=registration, began=time.time()))
        elif (held.id, held.registration) != (study, registration):
            raise VeraError(f"the database holds answers of study {held.id}, not of {study} as it is registered")


def start_session(
    engine: Engine,
    session: str,
    code: str,
    draw: Callable[[int], Sequence[Trial]],
    link: int | None = None,
    prolific: dict[str, str] | None = None,
) -> None:
    """Give a rater who consented the first free place in the design; a second call changes nothing.

    `draw` tells what the rater in a place meets. VeraError for one who withdrew.
    """
    with _starting:
        for _ in range(TRIES):
            try:
                with writing(engine) as connection:
                    _start(connection, session, code, draw, link, prolific)
                return
            except IntegrityError:  # another server took the place
                continue
    raise VeraError("too many raters begin at once; try again")


def _start(
    connection: Connection,
    session: str,
    code: str,
    draw: Callable[[int], Sequence[Trial]],
    link: int | None,
    prolific: dict[str, str] | None,
) -> None:
    if connection.execute(select(withdrawals).where(withdrawals.c.session == session)).first():
        raise VeraError("this link was withdrawn; ask for another one")
    if connection.execute(select(sessions.c.id).where(sessions.c.id == session)).first():
        return
    taken = set(connection.execute(select(sessions.c.slot)).scalars())
    slot = next(number for number in range(len(taken) + 1) if number not in taken)
    row = {"id": session, "slot": slot, "link": link, "prolific": prolific, "code": digest_text(plain_code(code))}
    drawn = msgspec.to_builtins(list(draw(slot)))
    connection.execute(insert(sessions).values(**row, trials=drawn, consented=time.time()))


def find_session(engine: Engine, session: str) -> Session | None:
    """Read a session; None if nobody consented in it."""
    with reading(engine) as connection:
        row = connection.execute(select(sessions).where(sessions.c.id == session)).first()
        if row is None:
            return None
        done = connection.execute(select(trials.c.trial).where(trials.c.session == session).order_by(trials.c.trial))
        drawn = msgspec.convert(row.trials, tuple[Trial, ...])
        return Session(row.id, row.slot, drawn, tuple(done.scalars()), row.finished)


def has_withdrawn(engine: Engine, session: str) -> bool:
    """Whether a session was deleted by its rater."""
    with reading(engine) as connection:
        return connection.execute(select(withdrawals).where(withdrawals.c.session == session)).first() is not None


def withdraw(engine: Engine, code: str, session: str | None = None) -> bool:
    """Delete everything of the session whose code this is; False if no session, or another one than asked, has it."""
    with writing(engine) as connection:
        digest = digest_text(plain_code(code))
        found = connection.execute(select(sessions.c.id).where(sessions.c.code == digest)).scalar()
        if found is None or session not in (None, found):
            return False
        for table, column in ((answers, answers.c.session), (trials, trials.c.session), (sessions, sessions.c.id)):
            connection.execute(delete(table).where(column == found))
        day = datetime.now(UTC).date().isoformat()
        connection.execute(insert(withdrawals).values(session=found, day=day))
    forget(engine)
    return True


def count_withdrawals(engine: Engine) -> int:
    """Count the raters who withdrew."""
    with reading(engine) as connection:
        return len(connection.execute(select(withdrawals.c.session)).all())


def all_sessions(engine: Engine) -> list[dict[str, Any]]:
    """Read every session, in order of its place."""
    with reading(engine) as connection:
        rows = connection.execute(select(sessions).order_by(sessions.c.slot)).mappings()
        return [dict(row) for row in rows]

"""Answers: each trial's three choices, once and whole."""

import time
from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from vera.study.store.connect import reading, writing
from vera.study.store.tables import answers, sessions, trials
from vera.study.study import Question, Side

Saved = Literal["saved", "again", "other", "beyond", "none"]


def save_answer(
    engine: Engine, session: str, trial: int, attempt: str, sides: Mapping[Question, Side], record: Mapping[str, Any]
) -> Saved:
    """Keep a trial's choices by question, and what is recorded of it; they are on the disk when this returns.

    `again`: they were kept before, from the same attempt. `other`: another attempt was kept, and this one is not.
    `beyond`: the session has no such trial. `none`: there is no such session.
    """
    try:
        with writing(engine) as connection:
            found = connection.execute(_asked(session, trial)).first()
            if found is not None and found.attempt is None and trial < len(found.trials):
                _insert(connection, session, trial, attempt, sides, record, len(found.trials))
                return "saved"
    except IntegrityError:  # two servers at once: one of them was first
        with reading(engine) as connection:
            found = connection.execute(_asked(session, trial)).first()
    if found is None:
        return "none"
    if trial >= len(found.trials):
        return "beyond"
    return "again" if found.attempt == attempt else "other"


def _asked(session: str, trial: int) -> Select[tuple[Any, str]]:
    """Ask for a session's trials and the attempt of one that is kept; no row where there is no session."""
    kept = (trials.c.session == sessions.c.id) & (trials.c.trial == trial)
    return (
        select(sessions.c.trials, trials.c.attempt)
        .outerjoin_from(sessions, trials, kept)
        .where(sessions.c.id == session)
    )


def _insert(
    connection: Connection,
    session: str,
    trial: int,
    attempt: str,
    sides: Mapping[Question, Side],
    record: Mapping[str, Any],
    length: int,
) -> None:
    now = time.time()
    row = {"session": session, "trial": trial}
    connection.execute(insert(trials).values(**row, attempt=attempt, received=now, record=dict(record)))
    connection.execute(insert(answers), [{**row, "question": name, "side": side} for name, side in sides.items()])
    done = select(func.count()).select_from(trials).where(trials.c.session == session)
    if connection.execute(done).scalar() == length:
        connection.execute(update(sessions).where(sessions.c.id == session).values(finished=now))


def answered_trials(engine: Engine) -> list[dict[str, Any]]:
    """Read every answered trial with its choices by question (`sides`), by session and trial."""
    with reading(engine) as connection:
        rows = connection.execute(select(trials).order_by(trials.c.session, trials.c.trial)).mappings().all()
        chosen: dict[tuple[str, int], dict[str, str]] = {}
        for answer in connection.execute(select(answers)):
            chosen.setdefault((answer.session, answer.trial), {})[answer.question] = answer.side
    return [dict(row) | {"sides": chosen.get((row["session"], row["trial"]), {})} for row in rows]

"""Answers and sessions in SQLite: kept once, whole, deleted by code, and never of another study."""

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, event, select

from vera.errors import VeraError
from vera.study.links import make_links, plain_code
from vera.study.store.answers import answered_trials, save_answer
from vera.study.store.connect import open_database, reading, writing
from vera.study.store.sessions import (
    all_sessions,
    claim_database,
    count_withdrawals,
    find_session,
    has_withdrawn,
    start_session,
    withdraw,
)
from vera.study.store.tables import answers, metadata, sessions
from vera.study.study import Side, Trial

LEFT: dict[Any, Side] = {"preservation": "left", "compliance": "left", "quality": "right"}
RIGHT: dict[Any, Side] = {"preservation": "right", "compliance": "right", "quality": "right"}


def three(slot: int) -> list[Trial]:
    return [Trial(f"item{slot}", "pair", False), Trial("b", "catch", True), Trial("c", "repeat", True, 0)]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_database(tmp_path / "answers.sqlite")


def test_what_is_acknowledged_is_on_the_disk(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_what_is_deleted_is_overwritten(engine: Engine, tmp_path: Path) -> None:
    start_session(engine, "s", "CODE", three, prolific={"PROLIFIC_PID": "somebody-of-prolific"})
    save_answer(engine, "s", 0, "attempt-of-somebody", LEFT, {"rt": 5})

    def files() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert b"somebody-of-prolific" in files() and b"attempt-of-somebody" in files()
    assert withdraw(engine, "CODE")
    assert b"of-prolific" not in files() and b"of-somebody" not in files()  # nor in the log beside the database


@pytest.mark.faults
def test_what_was_deleted_by_a_process_that_was_killed_is_gone_when_the_database_is_opened(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its same command finds nothing to delete the second time."""
    start_session(engine, "s", "CODE", three, prolific={"PROLIFIC_PID": "somebody-of-prolific"})

    def killed(engine: Engine) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("vera.study.store.sessions.forget", killed)
        withdraw(engine, "CODE")
    log = tmp_path / "answers.sqlite-wal"
    assert b"somebody-of-prolific" in log.read_bytes()
    open_database(tmp_path / "answers.sqlite")
    assert not any(b"somebody-of-prolific" in path.read_bytes() for path in tmp_path.iterdir())


def test_an_answer_is_kept_once(engine: Engine) -> None:
    start_session(engine, "s", "CODE", three)
    assert save_answer(engine, "s", 0, "one", LEFT, {"rt": 5}) == "saved"
    assert save_answer(engine, "s", 0, "one", LEFT, {"rt": 5}) == "again"
    assert save_answer(engine, "s", 0, "two", RIGHT, {}) == "other"
    (row,) = answered_trials(engine)
    assert (row["sides"], row["record"], row["attempt"]) == (LEFT, {"rt": 5}, "one")
    assert save_answer(engine, "nobody", 0, "x", LEFT, {}) == "none"


def test_many_tabs_at_once_keep_one_answer_each(engine: Engine) -> None:
    start_session(engine, "s", "CODE", three)
    said: list[str] = []
    barrier = threading.Barrier(8)

    def answer(number: int) -> None:
        barrier.wait()
        said.append(save_answer(engine, "s", 1, f"attempt{number}", LEFT, {}))

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["other"] * 7 + ["saved"]
    with reading(engine) as connection:
        assert len(connection.execute(select(answers)).all()) == 3


def test_readers_and_a_writer_do_not_wait_for_each_other(engine: Engine) -> None:
    """Every page asks where it is while others answer; a reader that took SQLite's lock made each answer wait."""
    start_session(engine, "s", "CODE", three)
    impatient = open_database(Path(engine.url.database or ""))
    event.listen(impatient, "connect", lambda held, _: held.execute("PRAGMA busy_timeout=0"))
    with writing(engine) as connection:
        connection.execute(delete(sessions))
        found = find_session(impatient, "s")
        assert found is not None and found.answered == ()
    start_session(engine, "s", "CODE", three)
    with reading(engine) as connection:
        before = connection.execute(select(sessions.c.id)).all()
        assert save_answer(impatient, "s", 0, "a", LEFT, {}) == "saved"
        assert before and connection.execute(select(answers)).all() == []  # one state, whatever is written meanwhile
    assert len(answered_trials(engine)) == 1


def test_a_trial_that_a_session_does_not_have(engine: Engine) -> None:
    start_session(engine, "s", "CODE", three)
    assert [save_answer(engine, "s", trial, "a", LEFT, {}) for trial in (3, 9999)] == ["beyond", "beyond"]
    assert answered_trials(engine) == []


def test_places_are_taken_from_the_first_free_one_on(engine: Engine) -> None:
    for name in ("a", "b", "c"):
        start_session(engine, name, f"code {name}", three)
    start_session(engine, "b", "code b", three)  # a second consent changes nothing
    assert [row["slot"] for row in all_sessions(engine)] == [0, 1, 2]
    assert withdraw(engine, "CODE B") and not withdraw(engine, "code b")
    start_session(engine, "d", "code d", three)
    found = find_session(engine, "d")
    assert found is not None and found.slot == 1 and found.trials[0].item == "item1"


def test_a_session_that_is_whole_is_finished(engine: Engine) -> None:
    start_session(engine, "s", "CODE", three)
    for trial in (2, 0):
        save_answer(engine, "s", trial, "a", LEFT, {})
    found = find_session(engine, "s")
    assert found is not None and found.answered == (0, 2) and found.finished is None
    save_answer(engine, "s", 1, "a", LEFT, {})
    found = find_session(engine, "s")
    assert found is not None and found.finished is not None


def test_withdrawal_leaves_nothing_but_that_it_was(engine: Engine) -> None:
    start_session(engine, "s", "ABCD-1234", three, link=3, prolific={"PROLIFIC_PID": "person"})
    save_answer(engine, "s", 0, "a", LEFT, {})
    assert not withdraw(engine, "abcd1234", session="another")
    assert withdraw(engine, "abcd 1234")
    held = [name for name, table in metadata.tables.items() if _count(engine, table)]
    assert held == ["withdrawals"] and count_withdrawals(engine) == 1 and has_withdrawn(engine, "s")
    assert save_answer(engine, "s", 1, "a", LEFT, {}) == "none"
    with pytest.raises(VeraError, match="was withdrawn"):
        start_session(engine, "s", "ABCD-1234", three)


def _count(engine: Engine, table: Any) -> int:
    with reading(engine) as connection:
        return len(connection.execute(select(table)).all())


def test_a_database_belongs_to_one_study(engine: Engine) -> None:
    claim_database(engine, "one", "hash")
    claim_database(engine, "one", "hash")
    for study, registered in (("other", "hash"), ("one", "edited")):
        with pytest.raises(VeraError, match="holds answers of study one"):
            claim_database(engine, study, registered)


@pytest.mark.parametrize("url", ["mysql://a/b", "nonsense", "sqlite://", "", "postgresql+asyncpg//x"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(VeraError, match="--database"):
        open_database(url)


def test_a_database_that_cannot_be_opened_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="cannot be opened"):
        open_database(tmp_path / "missing" / "answers.sqlite")
    (tmp_path / "text.sqlite").write_text("this is no database, whatever its name says" * 100)
    with pytest.raises(VeraError, match="cannot be opened"):
        open_database(tmp_path / "text.sqlite")
    with pytest.raises(VeraError, match="cannot be opened") as told:
        open_database("postgresql://me:hunter2@127.0.0.1:1/x")
    assert "hunter2" not in str(told.value)


def test_codes_are_read_however_they_are_typed() -> None:
    code = make_links(1).code_of("session")
    assert plain_code(f" {code.lower().replace('-', ' ')} ") == plain_code(code) and len(plain_code(code)) == 16

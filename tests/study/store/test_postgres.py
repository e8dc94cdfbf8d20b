"""The store in PostgreSQL: the same as in SQLite, also through a restart."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from tests.postgres import Postgres, postgres
from tests.study.store.test_store import LEFT, RIGHT, three

from vera.study.store.answers import answered_trials, save_answer
from vera.study.store.connect import is_away, open_database
from vera.study.store.sessions import all_sessions, claim_database, find_session, start_session, withdraw
from vera.study.store.tables import metadata

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def held() -> Iterator[Postgres]:
    with postgres() as started:
        yield started


@pytest.fixture
def engine(held: Postgres) -> Iterator[Engine]:
    opened = open_database(held.url)
    yield opened
    metadata.drop_all(opened)
    opened.dispose()


def test_answers_are_kept_once_and_deleted_whole(engine: Engine) -> None:
    claim_database(engine, "one", "hash")
    start_session(engine, "s", "CODE", three, prolific={"PROLIFIC_PID": "x"})
    said = [save_answer(engine, "s", 0, attempt, sides, {"rt": 1.5}) for attempt, sides in (("a", LEFT), ("a", LEFT))]
    assert said == ["saved", "again"] and save_answer(engine, "s", 0, "b", RIGHT, {}) == "other"
    (row,) = answered_trials(engine)
    assert row["sides"] == LEFT and row["record"] == {"rt": 1.5}
    assert withdraw(engine, "code") and find_session(engine, "s") is None and answered_trials(engine) == []


def test_many_servers_take_no_place_and_no_trial_twice(held: Postgres, engine: Engine) -> None:
    engines = [open_database(held.url) for _ in range(8)]
    barrier, said = threading.Barrier(8), list[str]()

    def rate(number: int) -> None:
        barrier.wait()
        start_session(engines[number], f"s{number}", f"code {number}", three)
        start_session(engines[number], "shared", "shared code", three)
        barrier.wait()
        said.append(save_answer(engines[number], "shared", 0, f"attempt{number}", LEFT, {}))

    threads = [threading.Thread(target=rate, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row["slot"] for row in all_sessions(engine)] == list(range(9))
    assert sorted(said) == ["other"] * 7 + ["saved"] and len(answered_trials(engine)) == 1
    for one in engines:
        one.dispose()


def test_a_restart_is_told_from_a_fault_and_got_over(held: Postgres, engine: Engine) -> None:
    start_session(engine, "s", "CODE", three)
    held.stop("immediate")
    with pytest.raises(DBAPIError) as failed:
        save_answer(engine, "s", 0, "a", LEFT, {})
    assert is_away(failed.value)
    held.start()
    assert save_answer(engine, "s", 0, "a", LEFT, {}) == "saved"
    assert len(answered_trials(engine)) == 1

"""The table of tasks: who may claim what."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera.construction.engine.databases import Sqlite
from vera.construction.engine.index import Index
from vera.construction.engine.state import Task

STATES = st.sampled_from(["ready", "blocked", "done", "waiting", "failed"])
RANKS = 6


def tasks(unit: str, states: Sequence[str]) -> list[Task]:
    """A clip's tasks, one a stage, with all that a task can have."""
    decision = {"by": "anna", "objects": [{"noun": "Zoë's 'cat'; --"}]}
    return [
        Task("clip", unit, "o1" if n % 2 else "", f"s{n}", n, state, f"f{n}", n == 1, "why", "a % ? b", decision)  # type: ignore[arg-type]
        for n, state in enumerate(states)
    ]


@contextmanager
def opened() -> Iterator[Index]:
    with TemporaryDirectory() as folder:
        index = Index(Sqlite(Path(folder) / "index.sqlite"))
        yield index
        index.close()


@given(st.lists(st.lists(STATES, min_size=RANKS, max_size=RANKS), max_size=6), st.sets(st.integers(0, RANKS - 1)))
def test_the_latest_stage_of_the_first_unit_is_claimed(units: list[list[str]], ranks: set[int]) -> None:
    names = [f"{number:016x}" for number in range(len(units))]
    with opened() as index:
        for name, states in zip(names, units, strict=True):
            index.put(name, partial(tasks, name, states))
        free = dict(zip(names, units, strict=True))
        while True:
            wanted = [(-n, name) for name, states in free.items() for n in ranks if states[n] == "ready"]
            found = index.claim(sorted(ranks))
            if not wanted:
                assert found is None
                return
            assert found is not None and (-found.rank, found.unit) == min(wanted)
            del free[found.unit]  # one run of a unit at a time


def test_what_another_build_is_at_is_left_alone(tmp_path: Path) -> None:
    with closing(Index(Sqlite(tmp_path / "index"))) as one, closing(Index(Sqlite(tmp_path / "index"))) as other:
        other.owner += "0"
        one.put("a", partial(tasks, "a", ["ready"]))
        assert one.claim([0]) is not None
        assert other.put("a", partial(tasks, "a", ["done"])) is None
        assert one.leased() == {"a"}
        assert one.put("a", partial(tasks, "a", ["done"])) == tasks("a", ["done"]) == other.find("done")


def test_nobody_claims_while_a_unit_is_looked_at(tmp_path: Path) -> None:
    with closing(Index(Sqlite(tmp_path / "index"))) as one:
        one.put("a", partial(tasks, "a", ["ready"]))

        def derive() -> list[Task]:
            with (
                closing(sqlite3.connect(tmp_path / "index", timeout=0)) as other,
                pytest.raises(sqlite3.OperationalError, match="locked"),
            ):
                other.execute("BEGIN IMMEDIATE")
            return tasks("a", ["done"])

        one.put("a", derive)
        assert one.claim([0]) is None


@pytest.mark.faults
def test_a_clock_that_is_set_ends_no_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, other = (Index(Sqlite(tmp_path / "index.sqlite")) for _ in range(2))
    other.owner = "elsewhere:1:0"
    index.put("a", partial(tasks, "a", ["ready"]))
    assert index.claim([0]) is not None
    boot_time = psutil.boot_time()
    monkeypatch.setattr(psutil._psplatform, "boot_time", lambda: boot_time + 3600)  # which births are counted from
    for looking in (index, other):
        looking.free()
        assert index.leased() == {"a"}
    monkeypatch.setattr("time.time", lambda now=time.time: now() + 3600)
    index.free()
    assert index.leased() == {"a"}  # its own builds does not end them: it is at them
    other.free()
    assert not index.leased()
    index.close()
    other.close()

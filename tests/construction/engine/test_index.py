"""The table of tasks: who may claim what."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from vera.construction.engine.databases import Sqlite
from vera.construction.engine.index import Index
from vera.construction.engine.state import Task

STATES = st.sampled_from(["ready", "blocked", "done", "waiting", "failed"])
RANKS = 6


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
            index.put(name, [Task("clip", name, "", f"s{n}", n, state, "") for n, state in enumerate(states)])  # type: ignore[arg-type]
        free = dict(zip(names, units, strict=True))
        while True:
            wanted = [(-n, name) for name, states in free.items() for n in ranks if states[n] == "ready"]
            found = index.claim(sorted(ranks))
            if not wanted:
                assert found is None
                return
            assert found is not None and (-found.rank, found.unit) == min(wanted)
            del free[found.unit]  # one run of a unit at a time

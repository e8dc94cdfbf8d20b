"""What a job tells of how far it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera.jobs.job import Progress
from vera.jobs.work import OFTEN, Pace

COUNTS = st.integers(-5, 1 << 70)


def told(calls: list[tuple[float, str, int, int]]) -> list[Progress]:
    """What is told of calls, each at its second."""
    now, heard = [0.0], []
    pace = Pace(heard.append, lambda: now[0])
    for at, stage, done, total in calls:
        now[0] = at
        pace(stage, done, total)
    return heard


def test_time_that_is_left() -> None:
    heard = told([(0, "a", 0, 10), (1, "a", 1, 10), (4, "a", 4, 10), (5, "b", 0, 2), (7, "b", 1, 2)])
    assert [progress.eta for progress in heard] == [None, 9.0, 6.0, None, 2.0]


def test_work_that_was_taken_up_half_way() -> None:
    assert told([(0, "a", 50, 100), (10, "a", 60, 100)])[-1].eta == 40.0


def test_as_often_as_people_can_see() -> None:
    heard = told([(step * OFTEN / 10, "a", step, 1000) for step in range(1000)] + [(100 * OFTEN, "a", 1000, 1000)])
    assert len(heard) <= 102 and heard[0].done == 0 and heard[-1].done == 1000


@given(st.lists(st.tuples(st.floats(0, 10), st.sampled_from(["a", "b", "\udc80\x1b"]), COUNTS, COUNTS), max_size=20))
def test_whatever_is_told_can_be_told(calls: list[tuple[float, str, int, int]]) -> None:
    for progress in told(sorted(calls)):
        progress.stage.encode()
        assert 0 <= progress.done < 1 << 53 and 0 <= progress.total < 1 << 53
        assert progress.eta is None or progress.eta >= 0


@pytest.mark.parametrize("kind", [np.int64, np.uint8, float])
def test_numbers_of_others(kind: type) -> None:
    (progress,) = told([(0, "a", kind(3), kind(4))])
    assert progress == Progress("a", 3, 4) and type(progress.done) is int

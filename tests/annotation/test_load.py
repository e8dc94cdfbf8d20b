"""Eight people, two in Chromium, annotate while the server is killed twice: nothing lost, nothing done twice."""

from pathlib import Path

import pytest
from benchmarks.annotation_load import load


@pytest.mark.slow
def test_two_kills_lose_nothing(tmp_path: Path) -> None:
    found = load(tmp_path, clips=10, people=8, browsers=2, kills=2, overlap=0.4)
    assert found.tasks == 10 and found.overlaps > 0 and found.paged > 0
    assert (found.lost_events, found.lost_answers, found.wrong, found.doubled) == (0, 0, 0, 0)
    assert found.decided + found.disputed == found.tasks
    assert found.events == 4 * (found.tasks + found.overlaps) and found.again > 0

"""Eight people annotate while the server is killed twice: every task once, overlaps twice, nothing lost."""

from pathlib import Path

import pytest
from benchmarks.annotation_load import load


@pytest.mark.slow
def test_two_kills_lose_nothing(tmp_path: Path) -> None:
    found = load(tmp_path, clips=10, people=8, kills=2, overlap=0.4)
    assert found.tasks == 10 and found.overlaps > 0
    assert (found.lost_events, found.lost_answers, found.wrong, found.doubled) == (0, 0, 0, 0)
    assert found.decided + found.disputed == found.tasks
    assert found.events == 4 * (found.tasks + found.overlaps) and found.again > 0

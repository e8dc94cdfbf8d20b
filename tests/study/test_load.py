"""Two hundred raters at once, a server killed twice, a database restarted: no answer is lost or doubled."""

from pathlib import Path

import pytest
from benchmarks.study_load import load
from tests.postgres import postgres

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_no_answer_is_lost_or_doubled(database: str, tmp_path: Path) -> None:
    if database == "sqlite":
        found = load(tmp_path, raters=200, trials=3, seconds=6, kills=2, held=None)
    else:
        with postgres() as held:
            found = load(tmp_path, raters=200, trials=3, seconds=6, kills=2, held=held)
    assert found.acknowledged == 200 * 6 and found.failures > 0
    assert (found.lost, found.doubled) == (0, 0)

"""Two hundred raters at once, some in browsers, a server killed twice, a database restarted: no answer is lost."""

from contextlib import nullcontext
from pathlib import Path

import pytest
from benchmarks.study_load import Accidents, load, make
from tests.postgres import postgres

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_no_answer_is_lost_or_doubled(database: str, tmp_path: Path) -> None:
    with postgres() if database == "postgres" else nullcontext() as held:
        found = load(make(tmp_path, 200, 3), browsers=3, seconds=6, accidents=Accidents(down=1, held=held))
    assert found.acknowledged == 200 * 6 and found.log.failures > 0
    assert (found.lost, found.doubled) == (0, 0)

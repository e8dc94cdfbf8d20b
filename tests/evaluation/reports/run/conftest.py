"""A run of three methods on real footage and its report, made once for all tests of a session."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_run import make_run

from vera.evaluation.reports.run.write import write_run_report


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run: to be read only."""
    return make_run(tmp_path_factory.mktemp("made") / "street run")


@pytest.fixture(scope="session")
def reported(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of its report."""
    out = tmp_path_factory.mktemp("reported") / "report"
    write_run_report(made, out)
    return out

"""A study that tests read; those that write in one copy it."""

import shutil
from pathlib import Path

import pytest
from tests.study.made_study import make_study


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study's folder that nobody changes."""
    return make_study(tmp_path_factory.mktemp("made"))


@pytest.fixture
def study_folder(made: Path, tmp_path: Path) -> Path:
    """A study's folder of a test's own."""
    return Path(shutil.copytree(made, tmp_path / "study"))

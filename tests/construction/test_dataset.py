"""The rows of the samples: whose they are, and under which licences."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from tests.construction.toys import STAGES, Ship, finish, opened

from vera.construction.dataset import write_rows


@dataclass(frozen=True)
class Other(Ship):
    name: ClassVar[str] = "other_publish"
    split: ClassVar[str] = "others"


@pytest.mark.faults
def test_rows_of_a_stage_beyond_the_last_one_stay(tmp_path: Path) -> None:
    with opened(tmp_path / "out", "2", stages=(*STAGES, Other())) as build:
        finish(build)
    other = tmp_path / "out/dataset/set/2-frames/others.jsonl"
    before = other.read_text(encoding="utf-8")
    with opened(tmp_path / "out", "2") as build:
        write_rows(build, [Other()])
        assert other.read_text(encoding="utf-8") == before
        write_rows(build)  # the recipe has no such stage any more
        assert not other.exists() and len(other.with_name("toys.jsonl").read_text().splitlines()) == 2

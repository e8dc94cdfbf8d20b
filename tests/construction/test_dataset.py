"""The rows of the samples: whose they are, and under which licences."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from tests.construction.toys import STAGES, Ship, finish, opened

from vera.construction.dataset import on_the_way, write_rows
from vera.construction.engine.stage import Model
from vera.construction.recipe import make_stages, read_recipe


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


@dataclass(frozen=True)
class Tainted(Other):
    models: ClassVar[tuple[Model, ...]] = (Model("somebody's films", "1", "CC-BY-NC-4.0"),)


@pytest.mark.faults
def test_rows_carry_the_licences_of_what_touched_them(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("footage: [x]\ntasks: [obj_add, background_replace]\nbackground: {photos: [y]}\n")
    stages = make_stages(read_recipe(recipe))
    added, replaced = ({stage.name for stage in on_the_way(stages, name)} for name in ("publish", "background_publish"))
    common = {"ingest", "split", "proxy", "screen", "unique", "propose", "annotate", "masks", "matte"}
    assert added == common | {"remove", "filter", "layers", "words", "check", "publish"}
    assert replaced == common | {
        "curate",
        "background",
        "background_words",
        "background_check",
        "background_publish",
    }
    with opened(tmp_path / "out", "1", stages=(*STAGES, Tainted())) as build:
        finish(build)
        rows = {path.stem: json.loads(path.read_text()) for path in build.layout.dataset.rglob("*.jsonl")}
    assert {name: row["provenance"]["licences"] for name, row in rows.items()} == {
        "toys": ["OWN"],
        "others": ["CC-BY-NC-4.0", "OWN"],
    }

"""What a run reads is spared by what it writes."""

from pathlib import Path

from tests.training.drawn import write_recipe

from vera.training.recipe import load_recipe
from vera.training.run.inputs import run_inputs


def test_the_data_of_every_part_of_a_mixture_is_an_input(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    parts = [{"kind": "shards", "path": str(folder), "weight": 1} for folder in folders]
    path = write_recipe(tmp_path, data={"kind": "mixture", "parts": parts})
    assert {*folders} <= {*run_inputs(path, load_recipe(path))}

"""The recipes that come with the project."""

from pathlib import Path

import pytest

from vera.construction.decisions import read_decisions
from vera.construction.recipe import make_stages, read_recipe

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", sorted(ROOT.glob("recipes/data/*.yaml")), ids=lambda path: path.name)
def test_recipes_can_be_read_with_their_decisions(path: Path) -> None:
    recipe = read_recipe(path)
    assert make_stages(recipe)
    logs = [ROOT / log for log in recipe.decisions]
    held = sum(len(log.read_text().splitlines()) for log in logs)
    assert len(read_decisions(logs)) == held  # and none of them is of the same clip or object as another

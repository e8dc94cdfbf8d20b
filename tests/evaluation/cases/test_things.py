"""The things that a recipe's data draws."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from vera import VeraError
from vera.data.synthesis.vocabulary import SPRITES
from vera.evaluation.cases.things import recipe_sprites

RECIPES = Path(__file__).parents[3] / "recipes"


def test_things_of_a_recipe() -> None:
    assert recipe_sprites(None) == SPRITES
    found = recipe_sprites(RECIPES / "nano.yaml")
    assert len(found) == 64 and set(SPRITES) <= set(found)


def recipe(folder: Path, data: dict[str, Any]) -> Path:
    path = folder / "recipe.yaml"
    whole = yaml.safe_load((RECIPES / "nano.yaml").read_text())
    path.write_text(yaml.safe_dump(whole | {"data": data}))
    return path


def test_things_of_a_mixture(tmp_path: Path) -> None:
    parts = [
        {"weight": 1, "kind": "synthetic", "sizes": ["64x64"], "sprites": ["fox face", "balloon"]},
        {"weight": 1, "kind": "shards", "path": "somewhere"},
        {"weight": 1, "kind": "synthetic", "sizes": ["64x64"], "sprites": ["balloon", "rose"]},
    ]
    assert recipe_sprites(recipe(tmp_path, {"kind": "mixture", "parts": parts})) == ("fox face", "balloon", "rose")


def test_a_recipe_that_draws_nothing(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="draws no things itself"):
        recipe_sprites(recipe(tmp_path, {"kind": "shards", "path": "somewhere"}))


def test_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(VeraError):
        recipe_sprites(tmp_path / "none.yaml")

"""Which things the cases of an evaluation ask for."""

from pathlib import Path

from vera.data.sources import data_kind
from vera.data.synthesis.vocabulary import SPRITES
from vera.errors import VeraError
from vera.training.recipe import load_recipe


def recipe_sprites(recipe: Path | None) -> tuple[str, ...]:
    """Read the names of the things that a recipe's synthetic data draws; if None, 24 that the shipped nano knows.

    Of a mixture those of all its parts. Raises VeraError for what is no recipe, or has no synthetic data.
    """
    if recipe is None:
        return SPRITES
    data = load_recipe(recipe).data
    drawn = [part for part in data.get("parts", [data]) if data_kind(part) == "synthetic"]
    found = [name for part in drawn for name in part.get("sprites", SPRITES)]
    if not found:
        raise VeraError(f"{recipe}: data: draws no things itself; name a recipe with data of `kind: synthetic`")
    return tuple(dict.fromkeys(found))

"""Training: one loop for every method, by a recipe."""

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from vera.training.overrides import Overrides
from vera.training.recipe import Recipe, load_recipe

__all__ = ["Recipe", "load_recipe", "train"]


def train(
    recipe_path: Path,
    *,
    overrides: Overrides = MappingProxyType({}),
    resume: bool = True,
    report: Callable[[str], None] = print,
) -> int | None:
    """Train by the recipe of that path: `vera.training.run.loop.train`, loaded only when called."""
    from vera.training.run.loop import train as run

    return run(recipe_path, overrides=overrides, resume_run=resume, report=report)

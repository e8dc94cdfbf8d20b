"""`vera train`."""

from pathlib import Path


def train(recipe: Path, /) -> None:
    """Train by a recipe; the same command resumes a run that was stopped.

    Parameters
    ----------
    recipe
        YAML file, such as `recipes/nano.yaml`.
    """
    from vera.training import train as run

    run(recipe)

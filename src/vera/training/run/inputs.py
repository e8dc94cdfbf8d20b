"""Files that training reads, so that what it writes spares them."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vera.errors import VeraError
from vera.files import check_outputs
from vera.training.recipe import FlowObjective, Recipe
from vera.training.recipe_file import recipe_files

WRITTEN = ("checkpoints", "ema", "log.jsonl", "recipe.yaml", "samples", "slurm", "tensorboard")
_DATA = ("path", "assets", "renders")


def run_inputs(recipe_path: Path, recipe: Recipe) -> list[Path]:
    """Name the files and folders that a run reads: recipes, weights to start from, encoders and data."""
    objective = recipe.objective
    names = [recipe.init, *_data_paths(recipe.data)]
    if isinstance(objective, FlowObjective):
        names += [objective.autoencoder, objective.text_encoder]
        names += [objective.distillation.teacher] if objective.distillation else []
    return [*recipe_files(recipe_path), *(Path(name) for name in names if name)]


def check_run_outputs(recipe_path: Path, recipe: Recipe, overridden: bool = False) -> None:
    """Raise VeraError if a run would overwrite what it reads.

    A run may be resumed by the copy of its recipe in its own folder, which is left as it is then: so it can't be
    `overridden`, since the copy would not say so.
    """
    folder = Path(recipe.output)
    if overridden and is_copy(recipe_path, folder):
        raise VeraError(f"{recipe_path}: says what its own run is made of; write changes into it, without overrides")
    inputs = run_inputs(recipe_path, recipe)[is_copy(recipe_path, folder) :]
    check_outputs(inputs, [folder / name for name in WRITTEN])


def is_copy(recipe_path: Path, folder: Path) -> bool:
    """Whether a recipe is the very file that a run keeps in its folder."""
    copy = folder / "recipe.yaml"
    return copy.exists() and recipe_path.exists() and copy.samefile(recipe_path)


def _data_paths(data: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(data[name]) for name in _DATA if data.get(name))
    parts = data.get("parts")
    for part in parts if isinstance(parts, Iterable) else ():
        if isinstance(part, Mapping):
            yield from _data_paths(part)

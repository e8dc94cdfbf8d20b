"""Files that training reads, so that what it writes spares them."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vera.errors import VeraError
from vera.files import check_outputs, real_path
from vera.training.overrides import Overrides
from vera.training.recipe import FlowObjective, Recipe
from vera.training.recipe_file import recipe_files

COPY = "recipe.yaml"  # in a run's folder: what it is made of
WRITTEN = ("checkpoints", "ema", "log.jsonl", COPY, "samples", "slurm", "tensorboard")
_DATA = ("path", "assets", "renders")


def run_inputs(recipe_path: Path, recipe: Recipe) -> list[Path]:
    """Name the files and folders that a run reads: recipes, weights to start from, encoders and data."""
    objective = recipe.objective
    names = [recipe.init, *_data_paths(recipe.data)]
    if isinstance(objective, FlowObjective):
        names += [objective.autoencoder, objective.text_encoder]
        names += [objective.distillation.teacher] if objective.distillation else []
    return [*recipe_files(recipe_path), *(Path(name) for name in names if name)]


def check_run_outputs(recipe_path: Path, recipe: Recipe, overrides: Overrides = MappingProxyType({})) -> None:
    """Raise VeraError if a run would overwrite what it reads.

    A run may be resumed by the copy of its recipe in its own folder, which is left as it is then: so nothing of it can
    be changed by `overrides`, since the copy would not say so. In a folder that was moved the copy would begin a new
    run.
    """
    folder, home = Path(recipe.output), recipe_path.parent
    if overrides and is_copy(recipe_path, folder):
        raise VeraError(f"{recipe_path}: says what its own run is made of; write changes into it, without overrides")
    is_moved = is_copy(recipe_path, home) and (home / "checkpoints").is_dir()
    if is_moved and not is_copy(recipe_path, folder) and "output" not in overrides:
        raise VeraError(
            f"{recipe_path}: its output is {folder}, and it lies in the folder of a run: was that moved? To go on, "
            f"write output: {real_path(home)} into it; for a new run, take --output"
        )
    inputs = run_inputs(recipe_path, recipe)[is_copy(recipe_path, folder) :]
    check_outputs(inputs, [folder / name for name in WRITTEN])


def is_copy(recipe_path: Path, folder: Path) -> bool:
    """Whether a recipe is the very file that a run keeps in its folder."""
    copy = folder / COPY
    return copy.exists() and recipe_path.exists() and copy.samefile(recipe_path)


def _data_paths(data: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(data[name]) for name in _DATA if data.get(name))
    parts = data.get("parts")
    for part in parts if isinstance(parts, Iterable) else ():
        if isinstance(part, Mapping):
            yield from _data_paths(part)

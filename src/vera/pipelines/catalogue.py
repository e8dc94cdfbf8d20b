"""Which models there are: those that ship, those in the hub's local cache, and those that Vera knows by name."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import constants, scan_cache_dir
from huggingface_hub.errors import CacheNotFound

from vera.errors import VeraError
from vera.pipelines.editors.card import card_license
from vera.pipelines.editors.known import KNOWN, KnownModel, find_known
from vera.pipelines.editors.table import EDITORS
from vera.pipelines.folders.check import read_index
from vera.pipelines.folders.code import CLASS
from vera.presets import BASES, TRAINED, preset_folder

Where = Literal["installed", "cached", "known", "to be made"]
_WEIGHTS = (".safetensors", ".bin")
VERA_TASKS = "objects added, backgrounds replaced"


@dataclass(frozen=True)
class ModelEntry:
    """A model that `--model` takes.

    Args:
        name: what to type; `full` its name on the hub, or its folder.
        where: installed with Vera, in the hub's cache, known to be on the hub, or to be made by `vera init`.
        editor: whether Vera makes the layers of what it draws; Vera's own models draw layers.
        size: bytes on disk, of a model that is not there those of its weights in bfloat16; None where nobody knows.
        memory: bytes of its largest part, which a GPU holds with `--offload model`; without, it holds `size`.
    """

    name: str
    full: str
    where: Where
    editor: bool
    size: float | None
    memory: float | None
    license: str
    tasks: str


def list_models() -> list[ModelEntry]:
    """All models: first what ships, then what is cached, then the rest of what is known. Nothing is fetched."""
    shipped = [*map(_installed, TRAINED), *_bases()]
    cached = list(_cached())
    held = {entry.full for entry in cached}
    return shipped + cached + [_known(model) for model in KNOWN if model.name not in held]


def _installed(name: str) -> ModelEntry:
    folder = preset_folder(name)
    size, largest = _sizes(folder)
    return ModelEntry(
        name, str(folder), "installed", False, size, largest, card_license(folder) or "apache-2.0", VERA_TASKS
    )


def _bases() -> Iterator[ModelEntry]:
    for name, base in BASES.items():
        yield ModelEntry(
            name, base, "to be made", False, None, None, "apache-2.0", f"training: vera init --base {base}"
        )


def _known(model: KnownModel) -> ModelEntry:
    return ModelEntry(
        model.short, model.name, "known", True, model.weights, model.largest, model.license, _tasks_of(model)
    )


def _tasks_of(model: KnownModel) -> str:
    needs = f"; needs {model.lora}" if model.lora else ""
    return f"{model.tasks}{needs}{'; not for commercial use' if model.noncommercial else ''}"


def _cached() -> Iterator[ModelEntry]:
    """Vera models and editors whose index lies in the hub's cache; of a model with several revisions the newest."""
    try:
        repos = sorted(scan_cache_dir(constants.HF_HUB_CACHE).repos, key=lambda repo: repo.repo_id)
    except (CacheNotFound, OSError, ValueError):
        return
    for repo in repos:
        if repo.repo_type != "model" or not repo.revisions:
            continue
        newest = max(repo.revisions, key=lambda revision: revision.last_modified)
        folder = Path(newest.snapshot_path)
        with suppress(VeraError):
            pipeline = _pipeline_class(read_index(folder, repo.repo_id))
            known = find_known(repo.repo_id)
            if pipeline == CLASS or pipeline in EDITORS or known is not None:
                yield _held(repo.repo_id, folder, pipeline != CLASS, known)


def _held(name: str, folder: Path, editor: bool, known: KnownModel | None) -> ModelEntry:
    size, largest = _sizes(folder)
    if known is not None:
        told = card_license(folder) or known.license
        return ModelEntry(known.short, name, "cached", editor, size, known.largest, told, _tasks_of(known))
    told = card_license(folder) or "not stated: see its page"
    tasks = "edits" if editor else VERA_TASKS
    return ModelEntry(name, name, "cached", editor, size, largest, told, tasks)


def _pipeline_class(index: dict[str, Any]) -> object:
    found = index.get("_class_name")
    return found[-1] if isinstance(found, list) and found else found


def _sizes(folder: Path) -> tuple[float, float]:
    """Bytes of all files, and of the weights of the largest part."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    parts: dict[Path, int] = {}
    for file in files:
        if file.suffix in _WEIGHTS:
            parts[file.parent] = parts.get(file.parent, 0) + file.stat().st_size
    return sum(file.stat().st_size for file in files), max(parts.values(), default=0)

"""Published networks that a recipe names: which weights exactly, under which licence, and on what they run."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from vera.construction.engine.stage import HOW, Model, Resources
from vera.errors import VeraError
from vera.fields import Name
from vera.files import file_hash

Result = TypeVar("Result")
FILES = ("*.json", "*.safetensors")
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Weights:
    """Weights of a folder, of a file, or of a model of the hub.

    Args:
        path: of the folder or file, or the hub's owner/name.
        licence: of what it makes: an SPDX identifier.
        revision: the commit of a model of the hub, so that a build can be repeated; others are known by their files.
        root: the folder that a relative path is from; that in which the command runs, if empty.
    """

    path: Name
    licence: Name
    revision: str = ""
    root: str = field(default="", kw_only=True, metadata=HOW)

    def model(self, files: tuple[str, ...] = FILES) -> Model:
        """What rows and fingerprints say of it, which hangs on its `files`."""
        return Model(self.path, weights_id(self.path, self.revision, files, self.root), self.licence)

    def folder(self, files: tuple[str, ...] = FILES) -> str:
        """The folder of the weights, `files` of it fetched if need be. VeraError where they cannot be had."""
        from vera.pipelines.folders.hub import fetch_model, hub_name

        name = hub_name(self.path, self.root)
        return str(Path(self.root, self.path)) if name is None else str(fetch_model(name, files, self.revision))


@dataclass(frozen=True)
class Network(Weights):
    """A network that a recipe names.

    Args:
        device: what it runs on. Samples are taken to be the same, whichever it is.
    """

    device: str = field(default="cuda", metadata=HOW)

    @property
    def models(self) -> tuple[Model, ...]:
        """What rows and fingerprints say of it, and of what it runs with."""
        return (self.model(),)

    @property
    def resources(self) -> Resources:
        """One core, and a GPU if it is to run on one."""
        return Resources(gpus=0 if self.device == "cpu" else 1)


@cache
def weights_id(path: str, revision: str, patterns: tuple[str, ...] = FILES, root: str = "") -> str:
    """What tells weights from others: the hub's commit, or a hash of a file, or of all settings and weights of a
    folder. A relative path is from `root`.

    VeraError for a model of the hub without its commit, or a folder without weights.
    """
    from vera.pipelines.folders.hub import hub_name

    if hub_name(path, root) is not None:
        if not COMMIT.fullmatch(revision):
            raise VeraError(f"model {path}: give `revision`, the 40 digits of its commit there, not {revision!r:.50}")
        return revision
    held = Path(root, path)
    files = [held] if held.is_file() else sorted(file for pattern in patterns for file in held.glob(pattern))
    if not any(file.suffix == ".safetensors" for file in files):
        raise VeraError(f"model {path}: is no folder with weights (.safetensors); check the path")
    lines = "".join(
        f"{file.relative_to(held.parent if held.is_file() else held)} {file_hash(file)}\n" for file in files
    )
    return hashlib.sha256(lines.encode()).hexdigest()[:40]


def rooted(part: Any, root: Path) -> Any:
    """A part of a recipe whose relative paths of weights are from `root`."""
    if not is_dataclass(part) or isinstance(part, type):
        return part
    changes = {each.name: rooted(getattr(part, each.name), root) for each in fields(part)}
    if isinstance(part, Weights):
        changes["root"] = str(root / part.root)
    return replace(part, **changes)


def with_less(work: Callable[[int], Result], most: int, least: int, what: str) -> Result:
    """`work(most)`, or of half as much, and half of that, where memory does not suffice. VeraError below `least`."""
    import torch

    while True:
        try:
            return work(most)
        except (torch.OutOfMemoryError, MemoryError):
            pass  # outside of this clause, which keeps what the failed attempt holds
        if most <= least:
            raise VeraError(f"{what}: memory does not suffice, even for the smallest window; use a smaller model")
        most = max(least, most // 2)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

"""The state of a run on disk, in torch's distributed format: saved by any number of processes, loaded by any other.

A folder that has its final name is whole, whenever the processes were killed.
"""

import json
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from vera.errors import VeraError
from vera.training.distributed import World

KEPT = 2
RECORD = "record.json"


def save_checkpoint(folder: Path, step: int, tensors: dict[str, Any], record: dict[str, Any], world: World) -> Path:
    """Write the checkpoint of `step`, then remove all but the newest two; every process must call.

    `tensors` is a nested state dict, `record` what JSON can hold. VeraError if the disk refuses; earlier checkpoints
    stay then.
    """
    path = folder / f"step-{step:08d}"
    temporary = path.with_suffix(".tmp")
    if world.main:
        for left_over in folder.glob("step-*.tmp"):
            shutil.rmtree(left_over)
        folder.mkdir(parents=True, exist_ok=True)
    world.barrier()
    try:
        with _quiet():
            save(tensors, checkpoint_id=temporary, no_dist=world.size == 1)
        if world.main:
            _write_whole(temporary / RECORD, json.dumps(record))
            temporary.rename(path)
    except (CheckpointException, OSError, RuntimeError) as error:
        if world.main:
            shutil.rmtree(temporary, ignore_errors=True)
        raise VeraError(f"{path}: cannot be written ({_reason(error)}); the checkpoint before it is whole") from error
    if world.main:
        for old in sorted(_whole_ones(folder))[:-KEPT]:
            shutil.rmtree(old)
    world.barrier()
    return path


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint, or None."""
    return max(_whole_ones(folder), default=None)


def read_record(path: Path) -> dict[str, Any]:
    """The JSON part of a checkpoint; VeraError if it is damaged."""
    try:
        record: dict[str, Any] = json.loads((path / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return record


def load_tensors(path: Path, tensors: dict[str, Any], world: World) -> None:
    """Fill `tensors`, sharded in whatever way, in place; VeraError if the checkpoint is damaged."""
    try:
        with _quiet():
            load(tensors, checkpoint_id=path, no_dist=world.size == 1)
    except (CheckpointException, Exception) as error:  # whatever the readers of a damaged file raise
        raise _damaged(path, error) from error


def _whole_ones(folder: Path) -> list[Path]:
    return [path for path in folder.glob("step-*") if path.suffix != ".tmp"]


def _write_whole(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _damaged(path: Path, error: BaseException) -> VeraError:
    return VeraError(f"{path}: damaged checkpoint ({_reason(error)}); delete it to use the one before")


def _reason(error: BaseException) -> str:
    """The first line of the first failure of any process."""
    if isinstance(error, CheckpointException) and error.failures:
        failure = next(iter(error.failures.values()))
        error = failure[0] if isinstance(failure, tuple) else failure
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the format's remarks on its own internals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

"""The state of a run on disk, in torch's distributed format: saved by any number of processes, loaded by any other.

A folder that has its final name is whole, whenever the processes were killed or the power was cut.
"""

import json
import pickle
import re
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from vera.errors import VeraError, first_line
from vera.files import read_json
from vera.training.parallel.distributed import World
from vera.training.run.checkpoint_reader import DamageError, Planner, Reader
from vera.whole import remove_folder, sweep, whole_folder

KEPT = 2
RECORD = "record.json"


def save_checkpoint(folder: Path, step: int, tensors: dict[str, Any], record: dict[str, Any], world: World) -> Path:
    """Write the checkpoint of `step`, then remove all but the newest two; every process must call.

    `tensors` is a nested state dict, `record` what JSON can hold. VeraError if the disk refuses; earlier checkpoints
    stay then.
    """
    path = folder / f"step-{step:08d}"
    try:
        with ExitStack() as stack:
            partial = world.first(lambda: _begin(path, stack))
            with _quiet():
                save(tensors, checkpoint_id=partial, no_dist=world.size == 1)
            world.first(lambda: (partial / RECORD).write_text(json.dumps(record, allow_nan=False), encoding="utf-8"))
            world.first(stack.close)
    except (CheckpointException, OSError, RuntimeError) as error:
        failure = _first_failure(error)
        before = latest_checkpoint(folder)
        kept = f"{before} is whole" if before else "there is no checkpoint before it"
        raise VeraError(f"{path}: cannot be written ({_told(failure)}); {kept}") from error
    if world.main:
        for old in _whole_ones(folder)[:-KEPT]:
            remove_folder(old)
    world.barrier()
    return path


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint, or None."""
    return next(reversed(_whole_ones(folder)), None)


def read_record(path: Path) -> dict[str, Any]:
    """The JSON part of a checkpoint; VeraError if it is damaged."""
    try:
        record = read_json(path / RECORD)
    except VeraError as error:
        raise _damaged(path, error) from error
    if not isinstance(record, dict):
        raise _damaged(path, DamageError(f"{RECORD} is no mapping"))
    return record


def load_tensors(path: Path, tensors: dict[str, Any], world: World) -> None:
    """Fill `tensors`, sharded in whatever way, in place.

    Nothing in a checkpoint is run, whoever wrote it. VeraError if it is damaged; and, in other words, if something else
    fails on the way, such as memory or the network.
    """
    try:
        with _quiet():
            load(tensors, storage_reader=Reader(path), planner=Planner(), no_dist=world.size == 1)
    except (CheckpointException, Exception) as error:
        failure = _first_failure(error)
        if _is_damage(failure):
            raise _damaged(path, failure) from error
        raise VeraError(
            f"{path}: cannot be loaded here ({_told(failure)}); the checkpoint may well be whole: keep it and try again"
        ) from error


def _begin(path: Path, stack: ExitStack) -> Path:
    """A new folder that takes the name `path` when the stack is closed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    return stack.enter_context(whole_folder(path))


def _whole_ones(folder: Path) -> list[Path]:
    """From the oldest to the newest: by number, as names of 1e8 steps and more sort before others as texts."""
    whole = [path for path in folder.glob("step-*") if re.fullmatch(r"step-\d{8,}", path.name) and path.is_dir()]
    return sorted(whole, key=lambda path: int(path.name.removeprefix("step-")))


def _damaged(path: Path, error: BaseException) -> VeraError:
    return VeraError(f"{path}: damaged checkpoint ({_told(error)}); delete it to use the one before")


def _first_failure(error: BaseException) -> BaseException:
    """Of what failed in any process the first that is no damage, or the first. An interrupt goes on as one."""
    failures = [error]
    if isinstance(error, CheckpointException) and error.failures:
        failures = [failure[0] if isinstance(failure, tuple) else failure for failure in error.failures.values()]
    for failure in failures:
        if not isinstance(failure, Exception | CheckpointException):
            raise failure
    return next((failure for failure in failures if not _is_damage(failure)), failures[0])


def _is_damage(error: BaseException) -> bool:
    """Whether an error of reading says that files are not what they should be. Short memory, say, does not."""
    if isinstance(error, DamageError | FileNotFoundError | EOFError | pickle.UnpicklingError):
        return True
    if isinstance(error, MemoryError | OSError | dist.DistError):
        return False
    if isinstance(error, RuntimeError):  # torch has one class for all that can go wrong
        return bool(re.search(r"PytorchStreamReader|zip archive|exceeds? dimension|size mismatch", str(error)))
    return isinstance(error, AssertionError | ValueError | TypeError | LookupError | AttributeError)


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {first_line(error)}" if str(error).strip() else type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the format's remarks on its own internals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

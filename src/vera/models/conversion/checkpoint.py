"""Weights on disk: listed without being read, and written in shards as diffusers and transformers name them.

So a checkpoint is converted with about one shard in memory, however large the model.
"""

import json
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import split_state_dict_into_shards_factory
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vera.errors import VeraError, first_line

MAX_SHARD_SIZE = "5GB"
DIFFUSERS_STEM, TRANSFORMERS_STEM = "diffusion_pytorch_model", "model"
_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class StoredTensor:
    """A floating-point tensor in a file, and its name there."""

    file: Path
    key: str
    shape: tuple[int, ...]
    dtype: torch.dtype

    def meta(self, dtype: torch.dtype | None = None) -> Tensor:
        """A tensor of this shape without any data."""
        return torch.empty(self.shape, dtype=dtype or self.dtype, device="meta")


def weight_files(folder: Path, stem: str) -> list[Path]:
    """The safetensors of a model in `folder`: a single file or all shards of its index; VeraError if any is missing."""
    index = folder / f"{stem}.safetensors.index.json"
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
        except (ValueError, KeyError, AttributeError):
            raise VeraError(f"{index} is no index of a sharded checkpoint: fetch it again") from None
        files = [folder / Path(name).name for name in names]
    else:
        files = [folder / f"{stem}.safetensors"]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise VeraError(f"{folder}: {', '.join(missing)} is missing: fetch the rest of the checkpoint")
    return files


def list_tensors(files: list[Path]) -> dict[str, StoredTensor]:
    """What safetensors hold; VeraError for a damaged file and for weights that are not plain floating point."""
    listed = {}
    for file in files:
        try:
            with safe_open(file, framework="pt") as tensors:
                for key in tensors.keys():  # noqa: SIM118  # it is no mapping
                    part = tensors.get_slice(key)
                    dtype = _DTYPES.get(part.get_dtype())
                    if dtype is None:
                        raise _quantised(file, key, part.get_dtype())
                    listed[key] = StoredTensor(file, key, tuple(part.get_shape()), dtype)
        except (SafetensorError, OSError) as error:
            raise VeraError(f"{file} is damaged or not whole ({error}): fetch it again") from None
    return listed


def load_pickled(file: Path) -> dict[str, Tensor]:
    """The state dict in a .pth file, mapped into memory; nothing but tensors is unpickled."""
    if not file.is_file():
        raise VeraError(f"{file} is missing: fetch the rest of the checkpoint")
    try:
        weights = torch.load(file, map_location="cpu", mmap=True, weights_only=True)
    except (RuntimeError, OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise VeraError(f"{file} is damaged or not whole ({first_line(error)}): fetch it again") from None
    for key, tensor in weights.items():
        if tensor.dtype not in _DTYPES.values():
            raise _quantised(file, key, str(tensor.dtype).removeprefix("torch."))
    return dict(weights)


def _quantised(file: Path, key: str, dtype: str) -> VeraError:
    return VeraError(f"{file}: {key} is {dtype}, quantised: take the weights in float32, bfloat16 or float16")


def read_tensors(stored: Mapping[str, StoredTensor]) -> Iterator[tuple[str, Tensor]]:
    """Each tensor in turn, of the name it has in `stored`. Files stay open, and tensors valid, until the end."""
    with ExitStack() as stack:
        files: dict[Path, Any] = {}
        for name, where in stored.items():
            if where.file not in files:
                files[where.file] = stack.enter_context(safe_open(where.file, framework="pt"))
            yield name, files[where.file].get_tensor(where.key)


def write_shards(
    folder: Path,
    stem: str,
    planned: Mapping[str, Tensor],
    read: Callable[[set[str]], Iterator[tuple[str, Tensor]]],
    max_shard_size: int | str = MAX_SHARD_SIZE,
    report: Report | None = None,
) -> None:
    """Write tensors as `stem`.safetensors or, above `max_shard_size`, as shards with an index.

    `planned` has every tensor's shape and final dtype, in the order of the files. `read` gives at least the tensors
    of the names it is asked for, those of one shard, in any dtype. `report` is called with shards done and in all.
    """
    plan = split_state_dict_into_shards_factory(
        dict(planned),
        get_storage_size=lambda tensor: tensor.numel() * tensor.element_size(),
        filename_pattern=f"{stem}{{suffix}}.safetensors",
        max_shard_size=max_shard_size,
    )
    for done, (name, keys) in enumerate(plan.filename_to_tensors.items()):
        if report is not None:
            report(done, len(plan.filename_to_tensors))
        wanted = set(keys)
        # Copied: the branches share what they are read from, which safetensors would refuse.
        shard = {
            key: torch.empty(tensor.shape, dtype=planned[key].dtype).copy_(tensor)
            for key, tensor in read(wanted)
            if key in wanted
        }
        save_file({key: shard[key] for key in keys}, folder / name, metadata={"format": "pt"})
        del shard  # or it would live on while the next is read
    if plan.is_sharded:
        index = {"metadata": plan.metadata, "weight_map": plan.tensor_to_filename}
        (folder / f"{stem}.safetensors.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")

"""Weights on disk: listed without being read, and written in shards as diffusers and transformers name them.

So a checkpoint is converted with about one shard in memory, however large the model.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
from huggingface_hub import split_state_dict_into_shards_factory
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vera.errors import VeraError, first_line
from vera.files import read_json
from vera.models.model_files import choose_weights, stray_indices

PICKLES = (".bin", ".pt", ".pth", ".ckpt")
_OTHER_FORMATS = (".gguf", ".onnx", ".msgpack", ".h5", ".safetensors", *PICKLES)
_MARKS = {b"GGUF": "GGUF", b"PK\x03\x04": "a pickle of torch, or a ZIP archive", b"\x80\x02": "a pickle", b"<": "HTML"}
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


def weight_files(folder: Path, stem: str, pickled: bool = False) -> list[Path]:
    """The files with the weights of a model in `folder`: a single one or all shards of an index.

    Safetensors; without any, and if `pickled`, .bin. VeraError if there are none, shards are missing, or there are both
    a single file and an index.
    """
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    own = [name for name in names if name.startswith(stem)]
    weights = choose_weights(own, None, None if pickled else True)
    if weights is not None and (indices := stray_indices(own, weights)):
        raise VeraError(f"{folder} has both {weights.files[0]} and {indices[0]}, of shards: remove what is older")
    variant = "" if weights is None or weights.variant is None else f".{weights.variant}"
    index = folder / f"{stem}.safetensors.index{variant}.json"
    if index.is_file():
        files = [folder / Path(name).name for name in _shards(index)]
    else:
        files = [folder / f"{stem}.safetensors"] if weights is None else [folder / name for name in weights.files]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        others = sorted(name for name in names if name.endswith(_OTHER_FORMATS))
        held = (
            f"the folder has {others[0]} instead, which is not read" if others else "fetch the rest of the checkpoint"
        )
        raise VeraError(f"{folder}: {', '.join(missing[:3])} is missing: {held}")
    return files


def _shards(index: Path) -> list[str]:
    """The names of the files that the index of a sharded checkpoint lists."""
    try:
        names = set(read_json(index)["weight_map"].values())
    except (ValueError, KeyError, AttributeError, TypeError):
        names = set()
    if not names or not all(isinstance(name, str) for name in names):
        raise VeraError(f"{index} is no index of a sharded checkpoint: fetch it again")
    return sorted(names)


def list_tensors(files: list[Path]) -> dict[str, StoredTensor]:
    """What files of weights hold; VeraError for a damaged file and for weights that are not plain floating point.

    Safetensors, of which only headers are read, and pickles of tensors, which are mapped.
    """
    listed = {}
    for file in files:
        if file.suffix in PICKLES:
            for key, tensor in load_pickled(file).items():
                listed[key] = StoredTensor(file, key, tuple(tensor.shape), tensor.dtype)
            continue
        try:
            with safe_open(file, framework="pt") as tensors:
                for key in tensors.keys():  # noqa: SIM118  # it is no mapping
                    part = tensors.get_slice(key)
                    dtype = _DTYPES.get(part.get_dtype())
                    if dtype is None:
                        raise _quantised(file, key, part.get_dtype())
                    listed[key] = StoredTensor(file, key, tuple(part.get_shape()), dtype)
        except (SafetensorError, OSError) as error:
            if named := told_format(file):
                raise VeraError(f"{file} is {named}, which is not read: take the model as safetensors") from None
            raise VeraError(f"{file} is damaged or not whole ({error}): fetch it again") from None
    return listed


def told_format(file: Path) -> str | None:
    """The name of a format that is none of safetensors, by a file's first bytes; None if they tell nothing."""
    try:
        with file.open("rb") as opened:
            start = opened.read(8)
    except OSError:
        return None
    return next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)


def load_pickled(file: Path) -> dict[str, Tensor]:
    """The state dict in a .pth file, mapped into memory; nothing but tensors is unpickled.

    Where the tensors lie under `state_dict` or `model`, as in checkpoints of trainers, those.
    """
    if not file.is_file():
        raise VeraError(f"{file} is missing: fetch the rest of the checkpoint")
    try:
        weights = torch.load(file, map_location="cpu", mmap=True, weights_only=True)
    except Exception as error:  # of a stranger's pickle, anything
        held = f", or holds more than tensors: {told_format(file)}" if told_format(file) else ""
        line = first_line(error).split(". ")[0]
        raise VeraError(f"{file} is damaged or not whole{held} ({line}): fetch it again") from None
    for inner in ("state_dict", "model", "module"):
        if isinstance(weights, dict) and isinstance(weights.get(inner), dict):
            weights = weights[inner]
    if not isinstance(weights, dict) or not all(
        isinstance(key, str) and isinstance(tensor, Tensor) for key, tensor in weights.items()
    ):
        raise VeraError(f"{file} holds no tensors by their names: take the weights alone")
    for key, tensor in weights.items():
        if tensor.dtype not in _DTYPES.values():
            raise _quantised(file, key, str(tensor.dtype).removeprefix("torch."))
    return dict(weights)


def _quantised(file: Path, key: str, dtype: str) -> VeraError:
    return VeraError(f"{file}: {key} is {dtype}, quantised: take the weights in float32, bfloat16 or float16")


def read_tensors(stored: Mapping[str, StoredTensor]) -> Iterator[tuple[str, Tensor]]:
    """Each tensor in turn, of the name it has in `stored`. Files stay open, and tensors valid, until the end."""
    with ExitStack() as stack:
        files: dict[Path, Callable[[str], Tensor]] = {}
        for name, where in stored.items():
            if where.file not in files:
                if where.file.suffix in PICKLES:
                    files[where.file] = load_pickled(where.file).__getitem__
                else:
                    files[where.file] = stack.enter_context(safe_open(where.file, framework="pt")).get_tensor
            yield name, files[where.file](where.key)


def write_weight_shards(
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

"""A Wan2.1 transformer as the start of a Vera transformer of any variant, converted tensor by tensor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import WanTransformer3DModel
from torch import Tensor

from vera.errors import VeraError, first_line
from vera.files import read_json
from vera.models.baselines import VARIANTS
from vera.models.baselines.text_to_video import TextToVideoTransformer3DModel
from vera.models.conversion import wan
from vera.models.conversion.checkpoint import (
    DIFFUSERS_STEM,
    MAX_SHARD_SIZE,
    Report,
    StoredTensor,
    list_tensors,
    read_tensors,
    weight_files,
    write_weight_shards,
)
from vera.models.header_bounds import check_config

_PREFIXES = ("model.diffusion_model.", "diffusion_model.", "_orig_mod.", "module.", "transformer.", "model.")
_BESIDE = ("vae.", "first_stage_model.", "text_encoders.", "text_encoder.", "cond_stage_model.", "clip_vision.")


@dataclass(frozen=True)
class BaseTransformer:
    """A checked Wan2.1 text-to-video transformer on disk: its sizes and its tensors, both in diffusers' names."""

    sizes: dict[str, Any]
    tensors: dict[str, StoredTensor]


def open_base(path: Path) -> BaseTransformer:
    """The transformer in a folder with config.json, in either layout, or in a bare .safetensors file.

    Only headers are read. VeraError for another family, missing or damaged files, and weights that do not fit.
    """
    if path.is_dir():
        config = read_config(path / "config.json")
        wan.check_family(config, str(path))
        files = weight_files(path, DIFFUSERS_STEM, pickled=True)
    else:
        config, files = {}, [path]
    tensors = plain_names(list_tensors(files))
    if wan.is_original(tensors):
        tensors = {wan.diffusers_key(key): stored for key, stored in tensors.items()}
    shapes = {key: stored.shape for key, stored in tensors.items()}
    check_config(config, shapes, str(path))
    own = config.get("_class_name") == TextToVideoTransformer3DModel.__name__
    model_class = TextToVideoTransformer3DModel if own else WanTransformer3DModel
    named = (*wan.SIZES, *wan.TRAITS) if own else wan.SIZES
    if own or config.get("_class_name") == "WanTransformer3DModel":
        sizes = {name: config[name] for name in named if name in config}
    else:
        sizes = wan.sizes_from_shapes(shapes, config.get("num_heads"), config.get("eps", 1e-6), str(path))
    check_config(sizes, shapes, str(path))
    try:
        with torch.device("meta"):
            model = model_class(**sizes)
    except Exception as error:  # whatever sizes that are no sizes do to torch
        raise VeraError(f"{path}: its configuration is of no Wan transformer: {first_line(error)}") from None
    _check_complete(model, shapes, str(path))
    return BaseTransformer({name: model.config[name] for name in named}, tensors)


def plain_names(tensors: dict[str, StoredTensor]) -> dict[str, StoredTensor]:
    """The transformer's tensors without what programs put before their names.

    Of a file that holds other networks as well (all in one, as ComfyUI has them) those under `model.diffusion_model.`.
    """
    for prefix in _PREFIXES:
        inner = {key.removeprefix(prefix): stored for key, stored in tensors.items() if key.startswith(prefix)}
        others = [key for key in tensors if not key.startswith(prefix)]
        if inner and all(key.startswith(_BESIDE) for key in others):
            return plain_names(inner)
    return tensors


def check_sizes(sizes: Mapping[str, Any], expected: Mapping[str, Any], where: str) -> None:
    """VeraError unless `sizes` agree with all those that `expected`, a transformer's config, has."""
    for name in (*wan.SIZES, *wan.TRAITS):
        if name in sizes and name in expected and _plain(sizes[name]) != _plain(expected[name]):
            raise VeraError(f"{where} has {name} {sizes[name]}, the configuration asked for has {expected[name]}")


def write_transformer(
    base: BaseTransformer,
    variant: str,
    folder: Path,
    dtype: torch.dtype | None = None,
    options: Mapping[str, Any] | None = None,
    max_shard_size: int | str = MAX_SHARD_SIZE,
    report: Report | None = None,
) -> Any:
    """Write config.json and weights of `variant` into `folder`; return the model, without data, that they belong to.

    With equal inputs each branch predicts what the base does. `dtype` None keeps the base's; otherwise what diffusers
    keeps in float32 (norms, modulation, time) stays as the base has it. `options` are arguments of the variant's class
    besides the sizes, such as `branches`.
    """
    try:
        with torch.device("meta"):
            model = VARIANTS[variant].model(**VARIANTS[variant].config(base.sizes | dict(options or {})))
    except (TypeError, ValueError) as error:
        raise VeraError(f"model: {error}") from None
    config = dict(model.config)
    keep = set(model._keep_in_fp32_modules or ())
    new_dtype = dtype or base.tensors["patch_embedding.weight"].dtype

    origins = {
        name: key
        for key, stored in base.tensors.items()
        for name, _ in VARIANTS[variant].from_wan(config, key, stored.meta())
    }

    def planned(name: str, meta: Tensor) -> Tensor:
        if name in origins and (dtype is None or not keep.isdisjoint(name.split("."))):
            return meta.to(base.tensors[origins[name]].dtype)
        return meta.to(new_dtype)

    def read(names: set[str]) -> Iterator[tuple[str, Tensor]]:
        keys = {origins[name] for name in names if name in origins}
        for key, tensor in read_tensors({key: base.tensors[key] for key in base.tensors if key in keys}):
            yield from VARIANTS[variant].from_wan(config, key, tensor)
        if not names <= origins.keys():
            yield from ((name, zeros) for name, zeros in VARIANTS[variant].additions(config) if name not in origins)

    folder.mkdir()
    model.save_config(folder)
    shapes = {name: planned(name, meta) for name, meta in model.state_dict().items()}
    write_weight_shards(folder, DIFFUSERS_STEM, shapes, read, max_shard_size, report)
    return model


def read_config(path: Path) -> dict[str, Any]:
    """A JSON mapping; VeraError if there is none."""
    if not path.exists():
        raise VeraError(
            f"{path} is missing: name a Wan2.1 folder, in its original or in diffusers' layout, or a file of weights"
        )
    try:
        config = read_json(path)
    except VeraError as error:
        raise VeraError(f"{path} cannot be read: {str(error).removeprefix(f'{path}: ')}") from None
    if not isinstance(config, dict):
        raise VeraError(f"{path} is no configuration")
    return config


def _check_complete(model: Any, shapes: wan.Shapes, where: str) -> None:
    expected = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    for problem, keys in (("missing", expected.keys() - shapes.keys()), ("unknown", shapes.keys() - expected.keys())):
        if keys:
            first = f"{len(keys)} weights are {problem} (first: {min(keys)})"
            raise VeraError(f"{where}: {first}: fetch a whole Wan2.1 text-to-video model")
    for key, shape in expected.items():
        if shapes[key] != shape:
            sizes = f"{key} is {list(shapes[key])}, by config.json {list(shape)}"
            raise VeraError(f"{where}: {sizes}: use config and weights of one model")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else value

"""The parts of an editor's folder: those of libraries that Vera runs, with all their weights."""

import re
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from vera.errors import VeraError, brief

_LIBRARIES = ("diffusers", "transformers")
_UNUSED = ("lm_head.", "pooler.", "visual_projection.")  # heads of encoders whose hidden states are read

Parts = dict[str, tuple[str, str]]  # name of a part: library and class


def list_parts(index: Mapping[str, Any], where: str) -> Parts:
    """The parts that model_index.json lists. VeraError for code of others than diffusers and transformers."""
    parts: Parts = {}
    for name, value in index.items():
        if name.startswith("_") or not isinstance(value, list) or len(value) != 2 or value[1] is None:
            continue
        if value[0] not in _LIBRARIES and not _is_of_diffusers(value[0]):
            raise VeraError(f"{where}: its {brief(name)} needs code of {brief(value[0])}, which Vera does not run")
        if not all(isinstance(word, str) and re.fullmatch(r"\w+", word, re.ASCII) for word in (name, value[1])):
            raise VeraError(f"{where}: model_index.json: {brief(name)} is no name of a part")
        parts[name] = (value[0], value[1])
    return parts


def load_networks(
    folder: Path, parts: Parts, pipeline_class: Any, dtype: torch.dtype, where: str, **transformer: Any
) -> dict[str, Any]:
    """Load the networks among the parts, the autoencoder in float32: its rounding would end up in the picture.

    `transformer` are further arguments of the transformer's loading. VeraError if weights are missing, which the
    libraries would fill in with random numbers, or there is a network that the pipeline does not take.
    """
    taken, optional = pipeline_class._get_signature_keys(pipeline_class)
    networks = {}
    for name, (library, kind) in parts.items():
        network = _network_class(library, kind)
        if network is None:
            continue
        if name not in {*taken, *optional}:
            raise VeraError(f"{where}: has a network, {name}, that {pipeline_class.__name__} does not take")
        networks[name], info = network.from_pretrained(
            folder / name,
            dtype=torch.float32 if name == "vae" else dtype,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            **(transformer if name == "transformer" else {}),
        )
        if missing := [key for key in sorted(info["missing_keys"]) if not key.startswith(_UNUSED)]:
            raise VeraError(f"{where}, {name}: weights are missing, {missing[0]} say: fetch the rest")
    return networks


def _network_class(library: str, kind: str) -> Any:
    """The class of a part if it is a network, else None."""
    module = import_module(library if library in _LIBRARIES else f"diffusers.pipelines.{library}")
    found = getattr(module, kind, None)
    return found if isinstance(found, type) and issubclass(found, torch.nn.Module) else None


def _is_of_diffusers(library: Any) -> bool:
    """Whether this is the module of one of diffusers' pipelines, which are libraries to model_index.json."""
    plain = isinstance(library, str) and re.fullmatch(r"[a-z]\w*", library, re.ASCII) is not None
    return plain and find_spec(f"diffusers.pipelines.{library}") is not None

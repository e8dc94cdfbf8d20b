"""From the name of a model to an editor that is ready to run."""

import re
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from vera.choices import Acceleration
from vera.errors import VeraError, brief, first_line
from vera.hardware import choose_device, choose_dtype
from vera.models.model_files import pipeline_files
from vera.pipelines.acceleration import accelerate, int8_weights
from vera.pipelines.editors.adapters.adapter import Adapter
from vera.pipelines.editors.card import card_license
from vera.pipelines.editors.known import KnownModel, find_known
from vera.pipelines.editors.parts import Parts, list_parts, load_networks
from vera.pipelines.editors.table import adapter_class
from vera.pipelines.folders.check import read_index
from vera.pipelines.folders.code import CLASS
from vera.pipelines.folders.hub import on_disk
from vera.pipelines.folders.opening import locate_model
from vera.pipelines.load import ModelChoice, quiet_libraries
from vera.pipelines.lora.file import read_lora, read_notes
from vera.pipelines.lora.guards import LARGEST_WEIGHT
from vera.presets import BASES, TRAINED
from vera.processes import group_size

_INDEX = ("model_index.json", "README.md")


def editor_pipeline(model: str) -> str | None:
    """The pipeline class of an editor of this name; None for a Vera model. Of the hub only the index is fetched.

    VeraError if there is no such model, or its class is neither Vera's nor an editor's.
    """
    if model in TRAINED or model in BASES:
        return None
    where = f"model {model}"
    name, known = _meant(model)
    found = read_index(locate_model(name, _INDEX), where).get("_class_name")
    pipeline = found[-1] if isinstance(found, list) and found else found
    if pipeline == CLASS or pipeline is None:
        return None
    if known is not None:
        pipeline = known.pipeline
    if not isinstance(pipeline, str):
        raise VeraError(f"{where}: model_index.json: _class_name is no name, but {brief(pipeline)}")
    adapter_class(pipeline, where)
    return pipeline


def load_editor(
    model: str,
    device: str = "auto",
    dtype: str | torch.dtype = "auto",
    acceleration: Acceleration | None = None,
    lora: Sequence[str | Path] = (),
    pipeline: str | None = None,
) -> Adapter:
    """Load an editor from a folder or the hub, as `load_pipeline` does; `pipeline` is what `editor_pipeline` told.

    VeraError for parts of other libraries than diffusers and transformers, whose code would be a stranger's, for
    missing or unsafe weights, and for what does not fit.
    """
    where = f"model {model}"
    if group_size() > 1:
        raise VeraError(f"{where}: is an editor, which runs in one process: start it without torchrun")
    pipeline = pipeline or editor_pipeline(model)
    if pipeline is None:
        raise VeraError(f"{where}: is no editor, but a Vera model: load it by load_pipeline")
    kind = adapter_class(pipeline, where)
    if kind.NEEDS_LORA is not None and not lora:
        raise VeraError(f"{where}: {kind.NEEDS_LORA}: name one with --lora")
    for package in kind.NEEDS:
        if find_spec(package) is None:
            raise VeraError(f"{where}: {pipeline} needs {package}, which is not installed: pip install {package}")
    options = acceleration or Acceleration()
    chosen = choose_device(device)
    if options.offload != "none" and chosen.type == "cpu":
        raise VeraError(f"offload {options.offload} moves weights from the CPU to a GPU, and the device is the CPU")
    name, _ = _meant(model)
    parts = list_parts(read_index(locate_model(name, _INDEX), where), where)
    parts |= {part: ("diffusers", network) for part, network in kind.PARTS.items()}
    folder = locate_model(name, partial(pipeline_files, use_safetensors=True, parts=list(parts)))
    with quiet_libraries():
        loaded = _load(kind, folder, parts, choose_dtype(dtype, chosen), options, where)
        notes = _add_loras(loaded, lora)
        _place(loaded, options, chosen)
    editor = kind(loaded)
    for written in notes:
        editor.take_notes(written)
    editor._loaded_as = ModelChoice(model, device, dtype, options, tuple(map(str, lora)))
    return editor


def license_of(model: str) -> str:
    """The licence of a model, as its card names it, or as Vera knows it."""
    name, known = _meant(model)
    with suppress(VeraError, OSError):
        if told := card_license(locate_model(name, _INDEX)):
            return told
    return "not stated: see the model's page" if known is None else known.license


def _meant(model: str) -> tuple[str, KnownModel | None]:
    """The folder or name of the hub, and what is known of it; what lies on disk is not the hub's."""
    if on_disk(model) is not None:
        return model, None
    known = find_known(model)
    return (model if known is None else known.name), known


def _load(
    kind: type[Adapter], folder: Path, parts: Parts, dtype: torch.dtype, options: Acceleration, where: str
) -> Any:
    import diffusers

    pipeline_class = getattr(diffusers, kind.PIPELINE, None)
    if pipeline_class is None:
        raise VeraError(f"{where}: this diffusers has no {kind.PIPELINE}: pip install --upgrade diffusers")
    small = {}
    try:
        if options.quantize == "int8":
            packed = int8_weights(getattr(diffusers, parts["transformer"][1]))["quantization_config"]
            small = {"quantization_config": packed.quant_mapping["transformer"]}
        networks = load_networks(folder, parts, pipeline_class, dtype, where, **small)
        return pipeline_class.from_pretrained(folder, **networks, local_files_only=True)
    except VeraError:
        raise
    except Exception as error:  # diffusers and transformers, on files of strangers
        raise VeraError(f"{where}: cannot be loaded: {first_line(error)}") from error


def _add_loras(pipeline: Any, loras: Sequence[str | Path]) -> list[dict[str, str]]:
    """Load LoRAs and activate them together; return what their files say of themselves."""
    scales, notes = {}, []
    for index, given in enumerate(loras):
        scaled = re.fullmatch(r"(.+):(-?\d*\.?\d+)", str(given))
        path, scale = scaled.groups() if scaled else (str(given), "1")
        if not abs(float(scale)) <= LARGEST_WEIGHT:
            raise VeraError(f"LoRA {path}: its scale is at most {LARGEST_WEIGHT:g}, not {scale[:20]}")
        if not hasattr(pipeline, "load_lora_weights"):
            raise VeraError(f"LoRA {path}: {type(pipeline).__name__} takes none: leave it out")
        state, _ = read_lora(path, f"LoRA {path}")
        try:
            pipeline.load_lora_weights(state, adapter_name=f"lora_{index}")
        except Exception as error:  # of diffusers and peft, on files of strangers
            raise VeraError(f"LoRA {path} cannot be loaded: {first_line(error)}") from error
        scales[f"lora_{index}"] = float(scale)
        notes.append(read_notes(path, f"LoRA {path}"))
    if scales:
        pipeline.set_adapters(list(scales), list(scales.values()))
    return notes


def _place(pipeline: Any, options: Acceleration, device: torch.device) -> None:
    """As `accelerate`; groups wait on the CPU by diffusers' way for whole pipelines, which have parts of any kind."""
    if options.offload != "group":
        accelerate(pipeline, options, device)
        return
    pipeline.enable_group_offload(onload_device=device, offload_type="leaf_level")

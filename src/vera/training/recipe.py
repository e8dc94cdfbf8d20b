"""What a training run is made of: a YAML file, read into frozen dataclasses that know every field by name."""

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

from vera.errors import VeraError


@dataclass(frozen=True)
class Distillation:
    """Learn to sample in `steps` steps without guidance what the pipeline in folder `teacher` samples with `guidance`.

    The teacher takes `teacher_steps` for each of them. Its shift must be the objective's.
    """

    teacher: str
    guidance: float
    steps: int = 8
    teacher_steps: int = 3


@dataclass(frozen=True)
class FlowObjective:
    """Objective of `layered_flow`.

    `autoencoder` is a folder with a trained autoencoder; `text_encoder` is `minilm` or a folder with an encoder and its
    tokenizer. Timesteps are drawn `logit_normal` (of `mean`, `std`) or `uniform`, then shifted as in Wan. `weights` is
    for each branch; one that is not named counts 1. `outside_weight` is what the other branches than alpha count where
    the true matte is 0 and nobody sees the edit layer. The drops are shares of samples that lose their mask or text.
    With `distillation` the goal is a teacher's velocity, at the times of the student's steps.
    """

    autoencoder: str
    text_encoder: str = "minilm"
    max_sequence_length: int = 32
    weights: dict[str, float] = field(default_factory=dict)
    outside_weight: float = 1.0
    timesteps: Literal["logit_normal", "uniform"] = "logit_normal"
    mean: float = 0.0
    std: float = 1.0
    shift: float = 1.0
    mask_drop: float = 0.1
    instruction_drop: float = 0.1
    distillation: Distillation | None = None


@dataclass(frozen=True)
class AutoencoderObjective:
    """Objective of `autoencoder`: weights of the absolute, squared and multi-scale gradient error.

    `pca_clips` clips set the projection and the latent statistics before step 0; 0 leaves both as they are, which is
    right for a model that `init` brings. The encoder stays as it is unless `train_encoder`. `latent_noise`, in standard
    deviations of a channel, is the most that latents are off: the decoder learns to smooth what a denoiser leaves.
    """

    l1: float = 1.0
    mse: float = 1.0
    gradient: float = 0.5
    pca_clips: int = 512
    train_encoder: bool = False
    latent_noise: float = 0.0


@dataclass(frozen=True)
class Sampling:
    """How many held-out samples, and how `layered_flow` samples: `steps` and `guidance` during training and, with the
    window in frames and the size in pixels that the network was trained for, as defaults of the exported pipeline.
    """

    count: int = 6
    steps: int = 12
    guidance: float = 1.0
    window_frames: int = 17
    window_overlap: int = 8
    pixels: int = 256 * 144


@dataclass(frozen=True)
class Lora:
    """Train low-rank additions to the linear maps whose names end in one of `targets`; all other weights stay."""

    rank: int = 32
    alpha: float = 32.0
    targets: tuple[str, ...] = ("to_q", "to_k", "to_v", "to_out.0")


@dataclass(frozen=True)
class Recipe:
    """A training run. `model` is the config of the model's class, `data` names a source and has its arguments.

    `variant` is the architecture that `layered_flow` trains (`vera.models.baselines`); `freeze` lists branches that
    keep their weights. Steps are optimizer steps; each takes `accumulate` batches of `batch_size`, over all processes.
    The learning rate rises over `warmup` steps and then falls to `final_lr_ratio` of itself at the end, or stays
    (`schedule`). `init` is a folder with weights to start from. `dtype` is what autocast computes in; `auto` takes bf16
    where the hardware has it. `context_parallel` processes share the tokens of one sample; the others share samples.
    `max_bad_share` of the samples may be unusable before the run ends. `export_dtype` is that of the weights in `ema/`.
    """

    method: Literal["autoencoder", "layered_flow"]
    output: str
    steps: int
    model: dict[str, Any]
    data: dict[str, Any]
    objective: FlowObjective | AutoencoderObjective
    variant: Literal["mot", "dense", "v2v", "v2v_concat", "vace"] = "mot"
    lora: Lora | None = None
    freeze: tuple[str, ...] = ()
    seed: int = 0
    batch_size: int = 8
    accumulate: int = 1
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = 1e-3
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: int = 200
    final_lr_ratio: float = 0.05
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0
    ema_decay: float = 0.999
    dtype: Literal["auto", "bf16", "fp32"] = "auto"
    device: str = "auto"
    compile: bool = False
    gradient_checkpointing: bool = False
    context_parallel: int = 1
    max_bad_share: float = 0.01
    workers: int = 0
    threads: int | None = None
    log_every: int = 20
    checkpoint_every: int = 500
    sample_every: int = 1000
    sampling: Sampling = Sampling()
    init: str | None = None
    export_dtype: Literal["fp16", "bf16", "fp32"] = "fp32"


OBJECTIVES = {"layered_flow": FlowObjective, "autoencoder": AutoencoderObjective}
TRANSFORMER_ONLY = ("variant", "lora", "context_parallel", "gradient_checkpointing", "compile")
POSITIVE = ("steps", "batch_size", "accumulate", "context_parallel", "log_every", "checkpoint_every", "sample_every")


def load_recipe(path: Path) -> Recipe:
    """Read a recipe; VeraError names the file and the field that is unknown, missing or of the wrong kind.

    `extends` names another recipe, relative to this one, whose fields hold where this one has none.
    """
    content = _read(path, ())
    objective = OBJECTIVES.get(str(content.get("method")))
    if objective is None:
        raise VeraError(f"{path}: method is one of {', '.join(sorted(OBJECTIVES))}, not {content.get('method')!r}")
    recipe: Recipe = _build(Recipe, content, str(path), {"objective": objective})
    for name in POSITIVE:
        if getattr(recipe, name) < 1:
            raise VeraError(f"{path}: {name} must be at least 1, not {getattr(recipe, name)}")
    for name in TRANSFORMER_ONLY:
        default = Recipe.__dataclass_fields__[name].default
        if recipe.method == "autoencoder" and getattr(recipe, name) != default:
            raise VeraError(f"{path}: {name} is for layered_flow; leave it out")
    return recipe


def recipe_text(recipe: Recipe) -> str:
    """The recipe as YAML, every field named."""
    return yaml.safe_dump(_listed(dataclasses.asdict(recipe)), sort_keys=False)


def _listed(value: Any) -> Any:
    """Tuples as lists, which is what YAML knows."""
    if isinstance(value, dict):
        return {name: _listed(item) for name, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, tuple | list) else value


def _read(path: Path, within: tuple[Path, ...]) -> dict[str, Any]:
    """The fields of a recipe and of those that it extends; `within` are the recipes that extend this one."""
    if path.resolve() in within:
        raise VeraError(f"{path}: extends itself")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise VeraError(f"{path}: no such recipe") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise VeraError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise VeraError(f"{path}: a recipe is a mapping of fields such as `method: layered_flow`")
    if "extends" not in content:
        return content
    base = _read(path.parent / str(content.pop("extends")), (*within, path.resolve()))
    return _merge(base, content)


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes`: mappings are merged, everything else is replaced.

    A mapping that names another `source` is replaced too: the arguments of the old one are not for it.
    """
    merged = dict(base)
    for name, value in changes.items():
        held = base.get(name)
        if isinstance(held, dict) and isinstance(value, dict) and value.get("source") in (None, held.get("source")):
            value = _merge(held, value)
        merged[name] = value
    return merged


def _build(
    cls: type, values: Mapping[Any, Any], where: str, sections: Mapping[str, type] = types.MappingProxyType({})
) -> Any:
    """An instance of dataclass `cls`; `sections` gives the class of fields whose type depends on others."""
    hints = get_type_hints(cls) | dict(sections)
    unknown = [str(name) for name in values if name not in hints]
    if unknown:
        raise VeraError(f"{where}: unknown field {', '.join(unknown)}; there are {', '.join(hints)}")
    required = [
        f.name
        for f in dataclasses.fields(cls)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING and f.name not in values
    ]
    if required:
        raise VeraError(f"{where}: missing {', '.join(required)}")
    return cls(**{name: _value(hints[name], value, f"{where}: {name}") for name, value in values.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    """`value` as `hint` wants it, or VeraError."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise VeraError(f"{where}: is a mapping of fields, not {value!r}")
        return _build(hint, value, where)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        if value not in arguments:
            raise VeraError(f"{where}: is one of {', '.join(map(str, arguments))}, not {value!r}")
        return value
    if origin in (Union, types.UnionType):  # only `X | None` occurs
        return None if value is None else _value(arguments[0], value, where)
    if origin is tuple:
        if arguments[1:] == (...,) and isinstance(value, list):
            arguments = arguments[:1] * len(value)
        if not isinstance(value, list) or len(value) != len(arguments):
            count = "" if arguments[1:] == (...,) else f" of {len(arguments)}"
            raise VeraError(f"{where}: is a list{count}, not {value!r}")
        return tuple(_value(kind, item, where) for kind, item in zip(arguments, value, strict=True))
    if origin is dict:
        if not isinstance(value, dict):
            raise VeraError(f"{where}: is a mapping, not {value!r}")
        return {key: item if arguments[1] is Any else _value(arguments[1], item, where) for key, item in value.items()}
    if hint is float and not isinstance(value, bool):
        try:
            return float(value)  # YAML reads 1e-3 as text
        except (TypeError, ValueError):
            pass
    elif isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise VeraError(f"{where}: is {hint.__name__}, not {value!r}")

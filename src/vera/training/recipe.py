"""What a training run is made of: a YAML file, read into frozen dataclasses that know every field by name and range."""

import dataclasses
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args, get_type_hints

import yaml

from vera.errors import VeraError
from vera.fields import Name, Range, Seed, Share, build, check_value
from vera.training.overrides import Overrides, read_overrides
from vera.training.recipe_file import merge, read_fields

MOST = 1 << 30  # steps, batches: from there on indices are for evaluation (`batches.EVAL_STEP`)

Count = Annotated[int, Range(1, MOST)]
Size = Annotated[int, Range(1, 1 << 16)]
Weight = Annotated[float, Range(0, 1e6)]
AboveZero = Annotated[float, Range(0, 1e6, above=True)]
Beta = Annotated[float, Range(0, 0.999999)]
Guidance = Annotated[float, Range(0, 1000)]
Shift = Annotated[float, Range(0, 1000, above=True)]
SampleSteps = Annotated[int, Range(1, 1000)]
Branch = Literal["edit", "alpha", "composite"]


@dataclass(frozen=True)
class Distillation:
    """Learn to sample in `steps` steps without guidance what the pipeline in folder `teacher` samples with `guidance`.

    The teacher takes `teacher_steps` for each of them; both sample with the recipe's shift.
    """

    teacher: Name
    guidance: Guidance
    steps: SampleSteps = 8
    teacher_steps: SampleSteps = 3


@dataclass(frozen=True)
class FlowObjective:
    """Objective of `layered_flow`.

    `autoencoder` is a folder with a trained autoencoder; `text_encoder` is `minilm` or a folder with an encoder and its
    tokenizer. Timesteps are drawn `logit_normal` (of `mean`, `std`) or `uniform`, then shifted as in Wan. `weights` is
    for each branch; one that is not named counts 1. `outside_weight` is what the other branches than alpha count where
    the true matte is 0 and nobody sees the edit layer. In the branches of `by_variance` a channel counts as its
    variance before it was normalised: errors are then about those of pixels, where a haze is large and a texture is
    not. The drops are shares of samples that lose their mask or text.
    With `distillation` the goal is a teacher's velocity, at the times of the student's steps.
    """

    autoencoder: Name
    text_encoder: Name = "minilm"
    max_sequence_length: Annotated[int, Range(1, 4096)] = 32
    weights: dict[Branch, Weight] = field(default_factory=dict)
    outside_weight: AboveZero = 1.0
    by_variance: tuple[Branch, ...] = ()
    timesteps: Literal["logit_normal", "uniform"] = "logit_normal"
    mean: Annotated[float, Range(-100, 100)] = 0.0
    std: Annotated[float, Range(0, 100)] = 1.0
    shift: Shift = 1.0
    mask_drop: Share = 0.1
    instruction_drop: Share = 0.1
    distillation: Distillation | None = None


@dataclass(frozen=True)
class AutoencoderObjective:
    """Objective of `autoencoder`: weights of the absolute, squared and multi-scale gradient error.

    `pca_clips` clips set the projection and the latent statistics before step 0; 0 leaves both as they are, which is
    right for a model that `init` brings. The encoder stays as it is unless `train_encoder`. `latent_noise`, in standard
    deviations of a channel, is the most that latents are off: the decoder learns to smooth what a denoiser leaves.
    """

    l1: Weight = 1.0
    mse: Weight = 1.0
    gradient: Weight = 0.5
    pca_clips: Annotated[int, Range(0, 100_000)] = 512
    train_encoder: bool = False
    latent_noise: Annotated[float, Range(0, 100)] = 0.0


@dataclass(frozen=True)
class Sampling:
    """How many held-out samples, and how `layered_flow` samples: `steps`, `guidance` and `shift` (None: that of the
    objective) during training and, with the window in frames and the size in pixels that the network was trained for,
    as defaults of the exported pipeline.
    """

    count: Annotated[int, Range(0, 10_000)] = 6
    steps: SampleSteps = 12
    guidance: Guidance = 1.0
    shift: Shift | None = None
    window_frames: Size = 17
    window_overlap: Annotated[int, Range(0, 1 << 16)] = 8
    pixels: Annotated[int, Range(1, 1 << 28)] = 256 * 144


@dataclass(frozen=True)
class Lora:
    """Train low-rank additions to the linear maps whose names end in one of `targets`; all other weights stay."""

    rank: Annotated[int, Range(1, 4096)] = 32
    alpha: AboveZero = 32.0
    targets: Annotated[tuple[Name, ...], Range(1, 1000)] = ("to_q", "to_k", "to_v", "to_out.0")


@dataclass(frozen=True)
class Recipe:
    """A training run. `data` has a kind and its arguments. `init` is a folder with weights to start from, and `model`
    the config of the model's class; with `init` it is that folder's, and may be left out.

    `method` is one of `METHODS`. `variant` is the architecture that `layered_flow` trains, one of `VARIANTS`;
    `freeze` lists branches that keep their weights. Steps are optimizer steps; each takes `accumulate` batches of
    `batch_size`, over all processes. The learning rate rises over `warmup` steps and then falls to `final_lr_ratio`
    of itself at the end, or stays (`schedule`). `dtype` is what autocast computes in; `auto` takes bf16 where the
    hardware has it. `context_parallel` processes share the tokens of one sample; the others share samples.
    `max_bad_share` of the samples may be unusable before the run ends. `export_dtype` is that of the weights in `ema/`.
    """

    method: Name
    output: Name
    steps: Count
    data: dict[str, Any]
    objective: FlowObjective | AutoencoderObjective
    model: dict[str, Any] = field(default_factory=dict)
    variant: Name = "mot"
    lora: Lora | None = None
    freeze: tuple[Name, ...] = ()
    seed: Seed = 0
    batch_size: Annotated[int, Range(1, 1_000_000)] = 8
    accumulate: Annotated[int, Range(1, 1_000_000)] = 1
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: Annotated[float, Range(0, 1000)] = 1e-3
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: Annotated[int, Range(0, MOST)] = 200
    final_lr_ratio: Share = 0.05
    weight_decay: Annotated[float, Range(0, 1000)] = 0.01
    betas: tuple[Beta, Beta] = (0.9, 0.99)
    clip: AboveZero = 1.0
    ema_decay: Share = 0.999
    dtype: Literal["auto", "bf16", "fp32"] = "auto"
    device: Name = "auto"
    compile: bool = False
    gradient_checkpointing: bool = False
    context_parallel: Annotated[int, Range(1, 1024)] = 1
    max_bad_share: Share = 0.01
    workers: Annotated[int, Range(0, 256)] = 0
    threads: Annotated[int, Range(1, 1024)] | None = None  # torch crashes if it is asked for too many
    log_every: Count = 20
    checkpoint_every: Count = 500
    sample_every: Count = 1000
    sampling: Sampling = Sampling()
    init: Name | None = None
    export_dtype: Literal["fp16", "bf16", "fp32"] = "fp32"

    @property
    def sampling_shift(self) -> float:
        """The shift that `layered_flow` samples with."""
        assert isinstance(self.objective, FlowObjective)
        return self.objective.shift if self.sampling.shift is None else self.sampling.shift


# What each method's objective is, and its class, which brings torch: imported when it is made.
METHODS = {
    "layered_flow": (FlowObjective, "vera.training.methods.layered_flow:LayeredFlow"),
    "autoencoder": (AutoencoderObjective, "vera.training.methods.autoencoder:AutoencoderTraining"),
}
TRANSFORMER_ONLY = ("variant", "lora", "context_parallel", "gradient_checkpointing", "compile")
# Numbers in `model`, by their names: whole ones of other names are sizes. A class says only that they are whole.
MODEL = {
    "num_layers": Annotated[int, Range(1, 1000)],
    "num_blocks": Annotated[int, Range(0, 1000)],
    "patch_size": tuple[Annotated[int, Range(1, 64)], Annotated[int, Range(1, 64)], Annotated[int, Range(1, 64)]],
    "vace_layers": tuple[Annotated[int, Range(0, 1000)], ...],
    "rope_max_seq_len": Annotated[int, Range(1, 1 << 20)],
}


def load_recipe(path: Path, overrides: Overrides = MappingProxyType({})) -> Recipe:
    """Read a recipe; VeraError names the file, and the field that is unknown, missing, of a wrong kind or out of range.

    `extends` names another recipe, relative to this one, whose fields hold where this one has none. `overrides` hold
    before both, as if they stood in a file that extends this one; errors in them name them as the command line does.
    """

    def where(name: str) -> str:
        overridden = any(f"{name}.".startswith(f"{given}.") for given in overrides)
        return f"--{name}" if overridden else f"{path}: {name.replace('.', ': ')}"

    from vera.models.baselines import VARIANTS  # brings torch, which reading this module does not need

    content = read_fields(path)
    method = overrides.get("method", content.get("method"))
    if str(method) not in METHODS:
        raise VeraError(f"{where('method')} is one of {', '.join(sorted(METHODS))}, not {method!a:.80}")
    objective, _ = METHODS[str(method)]
    sections: dict[str, Any] = {"objective": objective, "variant": Literal[tuple(VARIANTS)]}
    hints = get_type_hints(Recipe, include_extras=True) | sections
    content = merge(content, read_overrides(overrides, hints))
    recipe: Recipe = build(Recipe, content, str(path), sections)
    if "model" not in content and recipe.init is None:
        raise VeraError(f"{path}: missing model, the config of a new network, or init, a folder with one to start from")
    for name in TRANSFORMER_ONLY:
        default = Recipe.__dataclass_fields__[name].default
        if recipe.method == "autoencoder" and getattr(recipe, name) != default:
            raise VeraError(f"{where(name)} is for layered_flow; leave it out")
    arguments = get_type_hints(_network_class(recipe).__init__)
    model: dict[str, Any] = {}
    for name, value in recipe.model.items():
        check_model(name, value, where(f"model.{name}"))
        typed = check_value(arguments.get(name, Any), value, where(f"model.{name}"))
        model[name] = typed if isinstance(typed, float) else value  # lists stay lists, as checkpoints hold them
    recipe = replace(recipe, model=model)
    _check_together(recipe, path)
    return recipe


def _network_class(recipe: Recipe) -> Any:
    from vera.models.autoencoder_patch import AutoencoderPatch3D
    from vera.models.baselines import VARIANTS

    return AutoencoderPatch3D if recipe.method == "autoencoder" else VARIANTS[recipe.variant].model


def check_model(name: str, value: Any, where: str) -> None:
    """Raise VeraError for a value of a network's config that is out of its range."""
    hint = MODEL.get(name, Size if isinstance(value, int) and not isinstance(value, bool) else Any)
    check_value(hint, value, where)


def _check_together(recipe: Recipe, path: Path) -> None:
    """Raise VeraError for values that are each in range, but not together."""
    if recipe.steps * recipe.accumulate > MOST:
        raise VeraError(f"{path}: steps times accumulate is at most {MOST}; take fewer of one")
    if isinstance(recipe.objective, FlowObjective):
        weights = [recipe.objective.weights.get(branch, 1.0) for branch in get_args(Branch)]
    else:
        weights = [recipe.objective.l1, recipe.objective.mse, recipe.objective.gradient]
    if not any(weights):
        raise VeraError(f"{path}: objective: has no weight above 0: nothing would be learnt")


def default_fields(made: Any) -> dict[str, Any]:
    """What a recipe, or a section of one, has in fields that a file leaves out, also within its own sections."""
    found: dict[str, Any] = {}
    for one in dataclasses.fields(made):
        if dataclasses.is_dataclass(value := getattr(made, one.name)):
            found[one.name] = default_fields(value)
        elif one.default is not dataclasses.MISSING:
            found[one.name] = one.default
        elif one.default_factory is not dataclasses.MISSING:
            found[one.name] = one.default_factory()
    return found


def recipe_fields(recipe: Recipe) -> dict[str, Any]:
    """Every field of a recipe, as YAML and JSON hold them."""
    fields: dict[str, Any] = _listed(dataclasses.asdict(recipe))
    return fields


def recipe_text(recipe: Recipe) -> str:
    """The recipe as YAML, every field named."""
    return yaml.safe_dump(recipe_fields(recipe), sort_keys=False)


def _listed(value: Any) -> Any:
    """Tuples as lists, which is what YAML knows."""
    if isinstance(value, dict):
        return {name: _listed(item) for name, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, tuple | list) else value

"""What a training run will take, told from its recipe alone: no data, no weights and no GPU are needed.

Arithmetic and activations are not formulas that could drift from the code: a training step runs on tensors that have
shapes and no data, and is counted. Hours rest on an assumed share of the GPU's peak, and are as good as that.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from torch._subclasses.fake_tensor import FakeTensorMode

from vera.data.sources import batch_counts, check_share
from vera.errors import VeraError, first_line
from vera.models.baselines import VARIANTS
from vera.models.networks import CLASSES, DAMAGE, network_class
from vera.training.methods.held_out import HELD_OUT_TIMES
from vera.training.networks import WRONG
from vera.training.planning.step_cost import Cost, Shape, encoding_cost, make_network, network_cost
from vera.training.recipe import FlowObjective, Recipe
from vera.training.run.checkpoint import KEPT
from vera.training.run.schedule import muon_weights

MASTER, MOMENT, AVERAGE = 4, 4, 4  # bytes of a parameter or its gradient, of a moment of it, of the average
RESERVE = 0.1  # of the GPU's memory, for its context, kernels' workspaces and fragmentation
UMT5_XXL = {"vocab_size": 256384, "d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64}


@dataclass(frozen=True)
class Gpu:
    """Memory in GiB, as its driver reports it, and peak in TFLOP/s, dense (without sparsity), by its data sheet."""

    memory: float
    bf16: float
    tf32: float


GPUS = {  # the large versions for servers, A100 with 80 GB
    "a100": Gpu(79, 312, 156),
    "h100": Gpu(79, 989, 494),
    "h200": Gpu(139, 989, 494),
    "b200": Gpu(178, 2250, 1125),
}


@dataclass(frozen=True)
class TrainingPlan:
    """The figures of a run on `gpus` GPUs; `memory` in bytes on each. `cost` and `encoding` are of one GPU and batch.

    `other` is the cost with gradient checkpointing switched the other way.
    """

    recipe: Recipe
    gpus: int
    share: int  # samples of a batch on each GPU
    frames: int
    size: tuple[int, int]  # width, height
    parameters: int
    trained: int
    tokens: int  # of one layer
    branches: int
    latent: tuple[int, ...]
    text: tuple[int, int]
    cost: Cost
    other: Cost
    encoding: Cost
    memory: dict[str, float]
    seconds: float  # of a step
    evaluation: float  # seconds of all evaluations, which every GPU does alike


def make_plan(
    recipe: Recipe,
    *,
    gpus: int = 8,
    gpu: str = "h100",
    mfu: float = 0.4,
    frames: int | None = None,
    size: tuple[int, int] | None = None,
) -> TrainingPlan:
    """TrainingPlan `recipe` on so many of `GPUS`, at the share `mfu` of their peak, recomputation counted as work.

    `frames` and `size` are by default the window that the recipe trains for. VeraError where numbers do not divide.
    """
    if not isinstance(recipe.objective, FlowObjective):
        raise VeraError(f"plan: is made for layered_flow, not for {recipe.method}")
    if recipe.objective.distillation is not None:
        raise VeraError("plan: does not count the teacher of a distillation; plan the recipe without it")
    if not 0 < mfu <= 1:
        raise VeraError(f"mfu: is a share above 0 and at most 1, not {mfu}")
    groups, left = divmod(gpus, recipe.context_parallel)
    if gpus < 1 or left:
        raise VeraError(f"context_parallel: {gpus} processes cannot be grouped by {recipe.context_parallel}")
    check_share(recipe.data, recipe.batch_size, groups)

    vae_class, vae_config = _autoencoder(recipe.objective.autoencoder)
    try:
        with FakeTensorMode():
            vae = vae_class.from_config(vae_config)
    except WRONG as error:
        raise VeraError(f"objective: the autoencoder has a config of no network: {first_line(error)}") from None
    with init_empty_weights():
        model = make_network(recipe, vae.config.z_dim)
    strides = [vae.config.scale_factor_temporal] + 2 * [vae.config.scale_factor_spatial]
    patch = model.config.patch_size
    frames = frames or recipe.sampling.window_frames
    width, height = size or _size_of(recipe.sampling.pixels, strides[1] * patch[1])
    grid = (1 + (frames - 1) // strides[0], height // strides[1], width // strides[2])
    if (frames - 1) % strides[0] or height % (strides[1] * patch[1]) or width % (strides[2] * patch[2]):
        raise VeraError(f"plan: {frames} frames of {width}x{height} do not fit the strides {strides} and {patch}")

    share, left = divmod(max(batch_counts(recipe.data, recipe.batch_size, frames)), groups)
    if left or not share:
        raise VeraError(f"batch_size: its clips of {frames} frames cannot be shared by {groups} processes")
    branches, text = len(model.config.branches), (recipe.objective.max_sequence_length, model.config.text_dim)
    shape = Shape(share, branches, (model.config.in_channels, *grid), text, gpus > 1)
    cost, other = (
        network_cost(recipe, model.config.num_layers, shape, checkpointing)
        for checkpointing in (recipe.gradient_checkpointing, not recipe.gradient_checkpointing)
    )
    cached = recipe.data.get("kind") == "shards"
    encoding = Cost(0, 0, 0) if cached else encoding_cost(vae, share, branches + 2, (frames, height, width))

    trained = [p for p in model.parameters() if p.requires_grad]
    parameters, own = sum(p.numel() for p in model.parameters()), sum(p.numel() for p in trained)
    memory = {
        "weights": parameters * MASTER / gpus,
        "gradients": own * MASTER / gpus,
        "optimizer": (2 * own - sum(p.numel() for p in muon_weights(recipe, model))) * MOMENT / gpus,
        "average": own * AVERAGE / gpus,
        "gathered for a block": _gathered(model, recipe.dtype) if gpus > 1 else 0.0,
        "autoencoder": float(sum(p.numel() for p in vae.parameters()) * MASTER),
        "text encoder": 0.0 if cached else _text_bytes(recipe.objective.text_encoder, model.config.text_dim),
        "activations": max(cost.peak / recipe.context_parallel, encoding.peak),
    }
    rates = GPUS[gpu]
    work = cost.step / recipe.context_parallel / rates.bf16 + encoding.step / rates.tf32
    return TrainingPlan(
        recipe=recipe,
        gpus=gpus,
        share=share,
        frames=frames,
        size=(width, height),
        parameters=parameters,
        trained=own,
        tokens=math.prod(n // p for n, p in zip(grid, patch, strict=True)),
        branches=branches,
        latent=shape.latent,
        text=text,
        cost=cost,
        other=other,
        encoding=encoding,
        memory=memory,
        seconds=recipe.accumulate * work / 1e12 / mfu,
        evaluation=_evaluations(recipe) * cost.forward / share / rates.bf16 / 1e12 / mfu,
    )


def _autoencoder(folder: str) -> tuple[Any, dict[str, Any]]:
    """Class and config of the autoencoder in `folder`; Wan2.1's before there is one."""
    if not (Path(folder) / "config.json").is_file():
        return CLASSES["vae"]["AutoencoderKLWan"], {}
    try:
        return network_class(folder, "vae")
    except VeraError as error:
        raise VeraError(f"objective: no autoencoder in {folder} ({error})") from None


def _text_bytes(name: str, width: int) -> float:
    """Bytes of the text encoder in folder `name`, or of Wan2.1's before there is one; 0 for others, which are small."""
    from transformers import AutoConfig, AutoModel, UMT5Config, UMT5EncoderModel

    folder = Path(name) / "text_encoder" if (Path(name) / "text_encoder").is_dir() else Path(name)
    if (folder / "config.json").is_file():
        try:
            config = AutoConfig.from_pretrained(folder, local_files_only=True)
        except DAMAGE as error:
            raise VeraError(f"objective: no text encoder in {folder}: {first_line(error)}") from None
    elif width == UMT5_XXL["d_model"]:
        config = UMT5Config(**UMT5_XXL, feed_forward_proj="gated-gelu", dtype=torch.bfloat16)
    else:
        return 0.0
    with torch.device("meta"):
        encoder = UMT5EncoderModel(config) if config.model_type == "umt5" else AutoModel.from_config(config)
    return float(sum(p.numel() for p in encoder.parameters()) * (config.dtype or torch.float32).itemsize)


def _evaluations(recipe: Recipe) -> int:
    """Forward passes of one sample that all evaluations take: at the start, each `sample_every`, and at the end."""
    sampling = recipe.sampling
    times = 1 + math.ceil(recipe.steps / recipe.sample_every)
    return times * sampling.count * (len(HELD_OUT_TIMES) + sampling.steps * (2 if sampling.guidance > 1 else 1))


def _gathered(model: Any, dtype: str) -> float:
    """Bytes of whole tensors that a GPU holds at once: two blocks and the rest; one block's gradients, twice."""
    width = 4 if dtype == "fp32" else 2
    blocks = [m for m in model.modules() if type(m).__name__ in model._repeated_blocks]
    largest = max(blocks, key=lambda block: sum(p.numel() for p in block.parameters()))
    held = sum(p.numel() for p in largest.parameters())
    rest = sum(p.numel() for p in model.parameters()) - sum(p.numel() for b in blocks for p in b.parameters())
    learnt = sum(p.numel() for p in largest.parameters() if p.requires_grad)
    return float((2 * held + rest) * width + learnt * (width + MASTER))


def _size_of(pixels: int, multiple: int) -> tuple[int, int]:
    """Width and height of so many pixels, in multiples, the nearest to 16:9."""
    heights = (h for h in range(multiple, math.isqrt(pixels) + 1, multiple) if pixels % (h * multiple) == 0)
    sizes = [(pixels // height, height) for height in heights]
    if not sizes:
        raise VeraError(f"plan: sampling.pixels {pixels} is no size in multiples of {multiple}; give --size")
    return min(sizes, key=lambda size: abs(size[0] / size[1] - 16 / 9))


def describe(plan: TrainingPlan, gpu: str, mfu: float) -> list[str]:
    """The plan in lines of text; the last one warns where it does not fit."""
    recipe, rates = plan.recipe, GPUS[gpu]
    width, height = plan.size
    batch = plan.share * plan.gpus // recipe.context_parallel * recipe.accumulate
    step = plan.cost.step * plan.gpus / recipe.context_parallel * recipe.accumulate
    needed, usable = sum(plan.memory.values()), rates.memory * (1 - RESERVE) * 2**30
    on, off = ("with", "without") if recipe.gradient_checkpointing else ("without", "with")
    kept = 2 * math.prod(plan.latent) * (3 + 2) + 2 * math.prod(plan.text)
    pixels = plan.frames * width * height
    hours = (recipe.steps * plan.seconds + plan.evaluation) / 3600
    saved = plan.parameters if recipe.lora is None else plan.trained
    checkpoint = saved * MASTER + plan.memory["optimizer"] * plan.gpus + plan.trained * AVERAGE
    lines = [
        f"network     {VARIANTS[recipe.variant].model.__name__}, {_count(plan.parameters)} parameters, "
        f"{_count(plan.trained)} trained",
        f"tokens      {plan.tokens:,} a layer, {plan.tokens * plan.branches:,} a sample of {plan.branches} layers: "
        f"{plan.frames} frames of {width}x{height}, latents {'x'.join(map(str, plan.latent))}",
        f"batch       {batch} samples a step, {plan.share} a GPU at once on {plan.gpus} {gpu}",
        f"arithmetic  a sample: forward {_flops(plan.cost.forward / plan.share)}, forward and backward "
        f"{_flops(min(plan.cost.step, plan.other.step) / plan.share)}, with gradient checkpointing "
        f"{_flops(max(plan.cost.step, plan.other.step) / plan.share)}; a step of the recipe: {_flops(step)}",
        f"encoding    {_flops(plan.encoding.step * plan.gpus * recipe.accumulate)} a step by the autoencoder"
        if plan.encoding.step
        else "encoding    none, latents are cached",
        f"memory      {_gib(needed)} of {rates.memory:.0f} GiB a GPU",
        *(f"  {name:22}{_gib(amount):>12}" for name, amount in plan.memory.items()),
        f"  activations are {_gib(plan.cost.peak / recipe.context_parallel)} {on} gradient checkpointing, "
        f"{_gib(plan.other.peak / recipe.context_parallel)} {off}, {_gib(plan.encoding.peak)} while encoding",
        f"time        {hours:.0f} hours, {hours * plan.gpus:,.0f} GPU hours: {recipe.steps:,} steps of "
        f"{plan.seconds:.1f} s, {plan.evaluation / 3600:.1f} hours of evaluation",
        f"            assumed: {mfu:.0%} of {rates.bf16:.0f} TFLOP/s are reached, and data is never waited for",
        f"data        {recipe.steps * batch:,} samples drawn; one is {_bytes_of(pixels * 11)} decoded, "
        f"{_bytes_of(kept)} as cached latents and text",
        f"disk        a checkpoint {_bytes_of(checkpoint)}, of which {KEPT} are kept",
    ]
    if needed > usable:
        lines.append(
            f"warning: does not fit: {_gib(needed)} of {_gib(usable)} that are free on {gpu}; take more GPUs"
            + ("" if recipe.gradient_checkpointing else ", gradient_checkpointing")
            + (", accumulate in place of batch_size" if plan.share > 1 else "")
            + (", context_parallel" if recipe.context_parallel == 1 else "")
            + ("" if recipe.data.get("kind") == "shards" else ", cached latents")
            + (" or LoRA" if recipe.lora is None else "")
        )
    return lines


def _count(number: float) -> str:
    return f"{number / 1e9:.3f} B" if number >= 1e8 else f"{number / 1e6:.3f} M"


def _flops(number: float) -> str:
    return f"{number / 1e15:.3g} PFLOP" if number >= 1e15 else f"{number / 1e12:.3g} TFLOP"


def _gib(number: float) -> str:
    return f"{number / 2**30:.1f} GiB"


def _bytes_of(number: float) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"

"""What `--plan` tells is what a run does: counted against torch's own counter, a formula, and measured memory."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.drawn import flow_fields, write_recipe
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from vera.cli import main
from vera.errors import VeraError
from vera.models import AutoencoderPatch3D
from vera.training import Recipe, load_recipe
from vera.training.planning.plan import GPUS, describe, make_plan
from vera.training.planning.step_cost import Shape, count_step, make_network

ATEN = torch.ops.aten
CPU_ATTENTION = {
    ATEN._scaled_dot_product_flash_attention_for_cpu: lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v),
    ATEN._scaled_dot_product_flash_attention_for_cpu_backward: lambda g, q, k, v, *_, **__: sdpa_backward_flop_count(
        g, q, k, v
    ),
}
SHAPE = Shape(batch=2, branches=3, latent=(8, 2, 4, 4), text=(8, 16), sharded=False)
VARIANTS = ["mot", "dense", "v2v", "v2v_concat", "vace"]


def tiny(folder: Path, model: dict[str, Any] | None = None, **fields: Any) -> Recipe:
    """A recipe of a tiny model; of its frozen networks only the autoencoder's config is there."""
    AutoencoderPatch3D(z_dim=8, width=8, num_blocks=1).save_config(folder / "vae")
    base = flow_fields(folder)
    base["model"] |= {"in_channels": 8, "out_channels": 8, "text_dim": 16, "num_layers": 2} | (model or {})
    base |= {"dtype": "fp32", "sampling": {"window_frames": 5, "pixels": 32 * 32}, "data": {"kind": "released"}}
    return load_recipe(write_recipe(folder, **base | fields))


def run_step(recipe: Recipe, shape: Shape, checkpointing: bool, *watching: Any) -> None:
    """The step that the plan counts, on real tensors, within contexts that watch."""
    model: Any = make_network(recipe, 8)
    for processor in model.attn_processors.values():
        processor._attention_backend = "native"
    if checkpointing:
        model.enable_gradient_checkpointing()
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(lambda p: setattr(p, "grad", None))
    inputs = torch.randn(shape.batch, shape.branches, *shape.latent), torch.rand(shape.batch)
    given = torch.randn(shape.batch, *shape.text), *torch.randn(2, shape.batch, *shape.latent)
    with contextlib.ExitStack() as stack:
        for context in watching:
            stack.enter_context(context)
        model(*inputs, *given).sample.square().mean().backward()


def shape_of(variant: str) -> Shape:
    return SHAPE if variant in ("mot", "dense") else Shape(2, 1, SHAPE.latent, SHAPE.text, False)


@pytest.mark.parametrize(
    ("variant", "checkpointing"), [*((variant, False) for variant in VARIANTS), ("mot", True), ("vace", True)]
)
def test_arithmetic_is_what_torch_counts(tmp_path: Path, variant: str, checkpointing: bool) -> None:
    recipe, shape = tiny(tmp_path, variant=variant), shape_of(variant)
    counter = FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION)
    run_step(recipe, shape, checkpointing, counter)
    cost = count_step(recipe, shape, checkpointing)
    assert cost.step == counter.get_total_flops()


@pytest.mark.parametrize(
    "fields", [{"lora": {"rank": 4}}, {"freeze": ["alpha"]}, {"freeze": ["edit", "composite"]}], ids=str
)
def test_arithmetic_of_what_is_not_trained(tmp_path: Path, fields: dict[str, Any]) -> None:
    whole, recipe = tiny(tmp_path), tiny(tmp_path, **fields)
    counter = FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION)
    run_step(recipe, SHAPE, False, counter)
    cost = count_step(recipe, SHAPE, False)
    assert cost.step == counter.get_total_flops() < count_step(whole, SHAPE, False).step


def test_arithmetic_by_formula(tmp_path: Path) -> None:
    """Of a MoT, from its sizes: two operations for each weight and token; attention's products by their sides."""
    batch, tokens, text, width, ffn, layers = 2, 3 * 32, 8, 24, 32, 2
    recipe = tiny(tmp_path)
    cost = count_step(recipe, SHAPE, False)
    # Alpha reads no text: two thirds of the tokens have queries and outputs there, and two experts keys and values.
    own = tokens * (4 * width * width + 2 * width * ffn) + tokens * 2 // 3 * 2 * width * width
    blocks = layers * batch * (own + 2 * text * 2 * width * width)
    attention = layers * batch * 2 * width * (tokens * tokens + tokens * 2 // 3 * text)
    time = batch * (16 * width + width * width + 6 * width * width)
    ends = batch * (text * (16 * width + width * width) + tokens * 8 * width)
    patches = batch * (tokens + 2 * tokens // 3) * 8 * width  # source and mask have theirs
    assert cost.forward == 2 * (blocks + attention + time + ends + patches)
    # Inputs need no gradient; a fused attention makes five products backward of the two forward.
    inputs = patches + batch * 16 * width + batch * text * 16 * width
    backward = 2 * (blocks + time + ends + patches) - inputs + attention * 5 / 2
    assert cost.step - cost.forward == 2 * backward


@pytest.mark.parametrize("checkpointing", [False, True])
def test_activations_are_what_is_allocated(tmp_path: Path, checkpointing: bool) -> None:
    """Against the peak of what torch's allocator gave out; kernels' own buffers, uncounted, are small."""
    recipe = tiny(tmp_path, {"num_layers": 4, "num_attention_heads": 4})
    shape = Shape(2, 3, (8, 4, 16, 16), (8, 16), False)
    cost = count_step(recipe, shape, checkpointing)
    profiler = profile(activities=[ProfilerActivity.CPU], profile_memory=True)
    run_step(recipe, shape, checkpointing, profiler)
    assert profiler.profiler is not None and profiler.profiler.kineto_results is not None
    live = peak = 0
    for event in profiler.profiler.kineto_results.events():
        if event.name() == "[memory]":
            live += event.nbytes()
            peak = max(peak, live)
    assert peak == pytest.approx(cost.peak, rel=0.05)


@pytest.mark.parametrize("variant", ["mot", "v2v_concat"])
def test_depth_is_extrapolated_exactly(tmp_path: Path, variant: str) -> None:
    recipe = tiny(tmp_path, {"num_layers": 6}, variant=variant)
    plan = make_plan(recipe, gpus=1)
    shape = Shape(2, plan.branches, (8, 2, 4, 4), (8, 16), False)
    assert plan.cost == count_step(recipe, shape, False)
    assert plan.other == count_step(recipe, shape, True)


def test_memory_on_more_gpus(tmp_path: Path) -> None:
    recipe = tiny(tmp_path, dtype="bf16", batch_size=4)
    one, four = make_plan(recipe, gpus=1), make_plan(recipe, gpus=4)
    assert one.trained == one.parameters == sum(p.numel() for p in make_network(recipe, 8).parameters())
    for name, bytes_each in (("weights", 4), ("gradients", 4), ("optimizer", 8), ("average", 4)):
        assert one.memory[name] == bytes_each * one.parameters == 4 * four.memory[name]
    assert (one.share, four.share) == (4, 1)
    assert one.memory["gathered for a block"] == 0 < four.memory["gathered for a block"]
    assert four.cost.forward == pytest.approx(one.cost.forward / 4)


def test_a_lora_has_state_for_its_own_weights_only(tmp_path: Path) -> None:
    plan = make_plan(tiny(tmp_path, lora={"rank": 4, "targets": ["to_q"]}), gpus=1)
    assert plan.trained == 2 * 3 * 2 * 4 * 24 + 2 * 2 * 2 * 4 * 24  # layers, experts, A and B, rank, width
    assert plan.memory["optimizer"] == 8 * plan.trained < plan.memory["weights"]


def test_the_network_of_init_needs_no_model(tmp_path: Path) -> None:
    named = tiny(tmp_path)
    make_network(named, 8).save_config(tmp_path / "init")
    for model in {}, {"num_layers": 2}:
        recipe = replace(named, model=model, init=str(tmp_path / "init"))
        assert describe(make_plan(recipe, gpus=1), "h100", 0.4) == describe(make_plan(named, gpus=1), "h100", 0.4)
    with pytest.raises(VeraError, match="there is no folder nowhere"):
        make_plan(replace(named, model={}, init="nowhere"), gpus=1)


def test_muon_keeps_one_moment_of_the_matrices_of_the_blocks(tmp_path: Path) -> None:
    adamw, muon = (make_plan(tiny(tmp_path, optimizer=name), gpus=1).memory["optimizer"] for name in ("adamw", "muon"))
    model = make_network(tiny(tmp_path), 8)
    in_blocks = sum(p.numel() for name, p in model.blocks.named_parameters() if name.endswith("weight") and p.ndim == 2)
    assert adamw - muon == 4 * in_blocks > 0


def test_time_follows_the_assumption(tmp_path: Path) -> None:
    recipe = tiny(tmp_path)
    plans = [make_plan(recipe, gpus=1, mfu=mfu).seconds for mfu in (0.2, 0.4)]
    assert plans[0] == pytest.approx(2 * plans[1])
    assert plans[0] > 0
    cached = make_plan(tiny(tmp_path, data={"kind": "shards"}), gpus=1)
    assert cached.encoding.step == 0 and cached.seconds < plans[1]


def test_too_much_for_a_gpu_is_warned_of(tmp_path: Path) -> None:
    recipe = tiny(tmp_path)
    plan = make_plan(recipe, gpus=1)
    assert not any("warning" in line for line in describe(plan, "h100", 0.4))
    large = plan.memory | {"activations": GPUS["h100"].memory * 2**30}
    lines = describe(type(plan)(**vars(plan) | {"memory": large}), "h100", 0.4)
    assert lines[-1].startswith("warning: does not fit") and "gradient_checkpointing" in lines[-1]


@pytest.mark.parametrize(
    ("fields", "gpus", "words"),
    [
        ({"batch_size": 2}, 4, "2 samples cannot be shared by 4"),
        ({"context_parallel": 2}, 3, "cannot be grouped by 2"),
        ({"sampling": {"window_frames": 6, "pixels": 1024}}, 1, "do not fit the strides"),
        ({"sampling": {"window_frames": 5, "pixels": 1000}}, 1, "give --size"),
        ({"freeze": ["depth"]}, 1, "no weights of a branch depth"),
        ({"model": {"colour": 1}}, 1, "colour"),
        (
            {"objective": {"autoencoder": "a", "distillation": {"teacher": "a", "guidance": 3.0}}},
            1,
            "the teacher of a distillation",
        ),
    ],
)
def test_what_cannot_be_planned(tmp_path: Path, fields: dict[str, Any], gpus: int, words: str) -> None:
    with pytest.raises(VeraError, match=words):
        make_plan(tiny(tmp_path, **fields), gpus=gpus)


def test_a_share_of_the_peak(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="a share above 0"):
        make_plan(tiny(tmp_path), gpus=1, mfu=40)


def test_the_command_prints_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny(tmp_path)
    assert main(["train", str(tmp_path / "recipe.yaml"), "--plan", "--gpus", "2", "--gpu", "a100"]) == 0
    out = capsys.readouterr().out
    assert "VeraTransformer3DModel" in out and "1 a GPU at once on 2 a100" in out and "warning" not in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.yaml", "vae"]


def test_an_autoencoder_is_not_planned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(write_recipe(tmp_path)), "--plan"]) == 2
    assert "is made for layered_flow" in capsys.readouterr().err


@pytest.mark.faults
def test_the_plan_shares_what_a_step_draws(tmp_path: Path) -> None:
    """A batch of synthetic clips counts latent frames: two of a clip of five frames."""
    data = {"stages": [{"until": 3, "frames": {1: 1}}, {"until": None, "frames": {1: 1, 5: 1}}]}
    assert make_plan(tiny(tmp_path, data=data, batch_size=16), gpus=4).share == 2
    with pytest.raises(VeraError, match=r"batch_size: 12 gives batches of 6 samples, which .* by 4 processes; 16 can"):
        make_plan(tiny(tmp_path, data=data, batch_size=12), gpus=4)

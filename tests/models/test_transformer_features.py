"""diffusers' features on the transformer: that each works, and that it really engages (calls are counted)."""

import json

import pytest
import torch
from diffusers import FirstBlockCacheConfig, MagCacheConfig, PyramidAttentionBroadcastConfig
from diffusers.hooks import apply_group_offloading
from diffusers.hooks.group_offloading import ModuleGroup
from diffusers.hooks.layerwise_casting import LayerwiseCastingHook
from diffusers.models.attention_dispatch import _AttentionBackendRegistry
from peft import LoraConfig
from safetensors.torch import load_file, save_file
from tests.models.cached import cached_samples

from vera.errors import VeraError
from vera.models import VeraTransformer3DModel, attention_kernel
from vera.models.joint_attention import JointAttention
from vera.models.transformer_vera import JointBlock


def count_calls(monkeypatch, owner, name):
    calls, original = [], getattr(owner, name)

    def counted(*args, **kwargs):
        calls.append((args, kwargs))
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, counted)
    return calls


def test_save_and_load_is_bit_exact(make_vera, make_inputs, tmp_path):
    model, inputs = make_vera(joint_attention=False, text_branches=("edit",)), make_inputs()
    model.save_pretrained(tmp_path)
    loaded = VeraTransformer3DModel.from_pretrained(tmp_path)
    assert loaded.config.joint_attention is False
    assert tuple(loaded.config.text_branches) == ("edit",)
    assert loaded.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(x, loaded.state_dict()[key]) for key, x in model.state_dict().items())
    with torch.no_grad():
        assert torch.equal(loaded(**inputs).sample, model(**inputs).sample)


def test_loading_in_bfloat16_keeps_modulation_in_float32(make_vera, make_inputs, tmp_path):
    make_vera().save_pretrained(tmp_path)
    model = VeraTransformer3DModel.from_pretrained(tmp_path, torch_dtype=torch.bfloat16)
    dtypes = {name: p.dtype for name, p in model.named_parameters()}
    assert dtypes["blocks.0.experts.edit.scale_shift_table"] == torch.float32
    assert dtypes["output_head.alpha.scale_shift_table"] == torch.float32
    assert dtypes["blocks.0.experts.edit.ffn.net.2.weight"] == torch.bfloat16
    inputs = {name: x.bfloat16() for name, x in make_inputs().items()}
    assert model(**inputs).sample.isfinite().all()


@pytest.mark.parametrize("problem", ["missing", "unexpected"])
def test_incomplete_and_foreign_weights_are_refused(make_vera, tmp_path, problem):
    make_vera().save_pretrained(tmp_path)
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    key = "blocks.1.attn1.experts.alpha.to_q.weight"
    tensor = weights.pop(key)
    if problem == "unexpected":
        weights |= {key: tensor, key.replace("alpha", "matte"): tensor.clone()}
    save_file(weights, path)
    with pytest.raises(VeraError, match=f"1 {problem} weights .*to_q"):
        VeraTransformer3DModel.from_pretrained(tmp_path)


def test_weights_of_other_sizes_are_refused(make_vera, tmp_path):
    make_vera().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"ffn_dim": 48}))
    with pytest.raises(ValueError, match="expected shape"):
        VeraTransformer3DModel.from_pretrained(tmp_path)


def test_gradient_checkpointing_gives_the_same_gradients(make_vera, make_inputs, monkeypatch):
    model, inputs = make_vera().train(), make_inputs(mask=True)
    model(**inputs).sample.square().mean().backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    model.enable_gradient_checkpointing()
    calls = count_calls(monkeypatch, JointAttention, "forward")
    model(**inputs).sample.square().mean().backward()
    assert len(calls) == 2 * 2, "forward and again in backward"
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], atol=1e-6, rtol=0)


def test_lora_on_the_experts(make_vera, make_inputs):
    model, inputs = make_vera(), make_inputs()
    with torch.no_grad():
        before = model(**inputs).sample
    model.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    lora = {name: p for name, p in model.named_parameters() if "lora" in name}
    assert {name for name, p in model.named_parameters() if p.requires_grad} == lora.keys()
    # 2 blocks of 3 self-attentions and 2 text attentions, 4 projections each, A and B.
    assert len(lora) == 2 * 5 * 4 * 2
    assert {branch: sum(f".{branch}." in name for name in lora) for branch in ("edit", "alpha", "composite")} == {
        "edit": 2 * 2 * 4 * 2,
        "alpha": 2 * 1 * 4 * 2,
        "composite": 2 * 2 * 4 * 2,
    }
    model(**inputs).sample.square().mean().backward()
    # A learns once B, which is zero at first, has moved.
    assert all((p.grad.abs().max() > 0) == ("lora_B" in name) for name, p in lora.items())
    with torch.no_grad():
        assert torch.equal(model(**inputs).sample, before)
        for name, parameter in lora.items():
            if "lora_B" in name:
                parameter.normal_()
        adapted = model(**inputs).sample
        assert (adapted - before).abs().max() > 1e-3
        off = model(**inputs, attention_kwargs={"scale": 0.0}).sample
        torch.testing.assert_close(off, before, atol=1e-6, rtol=0)


@torch.no_grad()
def test_attention_backend_reaches_every_attention(make_vera, make_inputs, monkeypatch):
    model, inputs = make_vera(), make_inputs()
    before = model(**inputs).sample
    calls = count_calls(monkeypatch, attention_kernel, "dispatch_attention_fn")
    # diffusers also makes it the process's own backend; set here so that it is set back for the tests that follow.
    monkeypatch.setattr(_AttentionBackendRegistry, "_active_backend", _AttentionBackendRegistry._active_backend)
    model.set_attention_backend("_native_math")
    after = model(**inputs).sample
    assert [kwargs["backend"].value for _, kwargs in calls] == ["_native_math"] * 2 * 3
    torch.testing.assert_close(after, before, atol=1e-5, rtol=0)


@torch.no_grad()
def test_first_block_cache_skips_blocks(make_vera, make_inputs, monkeypatch):
    model, inputs = make_vera(num_layers=4), make_inputs()
    before = model(**inputs).sample
    calls = count_calls(monkeypatch, JointAttention, "forward")
    *_, sample = cached_samples(model, inputs, FirstBlockCacheConfig(threshold=0.1), 3)
    assert len(calls) == 4 + 1 + 1
    torch.testing.assert_close(sample, before, atol=1e-5, rtol=0)


@torch.no_grad()
def test_pyramid_attention_broadcast_skips_joint_attention(make_vera, make_inputs, monkeypatch):
    model, inputs = make_vera(), make_inputs()
    before = model(**inputs).sample
    calls = count_calls(monkeypatch, attention_kernel, "dispatch_attention_fn")
    cache = PyramidAttentionBroadcastConfig(spatial_attention_block_skip_range=2, current_timestep_callback=lambda: 500)
    samples = cached_samples(model, inputs, cache, 4)
    text_calls, joint_calls = 4 * 2 * 2, 2 * 2
    assert len(calls) == text_calls + joint_calls
    assert all(torch.equal(sample, before) for sample in samples)


@torch.no_grad()
def test_mag_cache_skips_blocks(make_vera, make_inputs, monkeypatch):
    model, inputs = make_vera(num_layers=4), make_inputs()
    before = model(**inputs).sample
    calls = count_calls(monkeypatch, JointAttention, "forward")
    cache = MagCacheConfig(num_inference_steps=6, mag_ratios=[1.0] * 6, max_skip_steps=1, retention_ratio=0.0)
    samples = cached_samples(model, inputs, cache, 6)
    # Steps 1, 3 and 5 run all four blocks, the others reuse what those added.
    assert len(calls) == 3 * 4
    for sample in samples:
        torch.testing.assert_close(sample, before, atol=1e-5, rtol=0)


@torch.no_grad()
def test_mag_cache_calibrates(make_vera, make_inputs, capsys):
    model, inputs = make_vera(), make_inputs()
    model.enable_cache(MagCacheConfig(num_inference_steps=3, calibrate=True))
    with model.cache_context("cond"):
        for _ in range(3):
            model(**inputs)
    ratios = json.loads(capsys.readouterr().out.split(":")[-1])
    assert ratios == pytest.approx([1.0] * 3, abs=1e-5), "every step adds what the one before did"


@torch.no_grad()
def test_group_offload_brings_in_one_block_at_a_time(make_vera, make_inputs, monkeypatch, tmp_path):
    """On one device only the disk is elsewhere: outside its turn a block's memory is empty."""
    model, inputs = make_vera(num_layers=3), make_inputs()
    before = model(**inputs).sample
    cpu = torch.device("cpu")
    apply_group_offloading(
        model, cpu, cpu, offload_type="block_level", num_blocks_per_group=1, offload_to_disk_path=str(tmp_path)
    )
    moves = []
    for name in ("onload_", "offload_"):
        monkeypatch.setattr(ModuleGroup, name, recording(moves, getattr(ModuleGroup, name)))
    assert torch.equal(model(**inputs).sample, before)
    blocks = [(what, module) for what, module in moves if isinstance(module, JointBlock)]
    assert blocks == [(what, block) for block in model.blocks for what in ("onload_", "offload_")]


def recording(moves, move):
    def record(group):
        moves.append((move.__name__, group.modules[0] if group.modules else None))
        return move(group)

    return record


@torch.no_grad()
def test_layerwise_casting_leaves_norms_and_embeddings(make_vera, make_inputs, monkeypatch):
    model, inputs = make_vera(), make_inputs()
    before = model(**inputs).sample
    casts = count_calls(monkeypatch, LayerwiseCastingHook, "pre_forward")
    model.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    small = {name for name, p in model.named_parameters() if p.dtype == torch.float8_e4m3fn}
    projections = 2 * (3 * 4 + 2 * 4 + 3 * 2)  # blocks of joint attentions, text attentions and feed-forwards
    assert len(small) == (projections + 3) * 2, "and three heads; weights and biases"
    assert not [name for name in small if "norm" in name or "embed" in name or "table" in name]
    sample = model(**inputs).sample
    assert len(casts) == projections + 3
    assert (sample - before).norm() / before.norm() < 0.2


@torch.no_grad()
def test_repeated_blocks_compile_whole_and_once(make_vera, make_inputs):
    model, inputs = make_vera(num_layers=3), make_inputs()
    before = model(**inputs).sample
    graphs, runs = [], []

    def backend(graph, example_inputs):
        graphs.append(graph)
        return lambda *args: runs.append(graph) or graph.forward(*args)

    torch._dynamo.reset()
    model.compile_repeated_blocks(fullgraph=True, backend=backend)
    sample = model(**inputs).sample
    assert (len(graphs), len(runs)) == (1, 3), "one graph, run for every block"
    torch.testing.assert_close(sample, before, atol=1e-6, rtol=0)
    torch._dynamo.reset()

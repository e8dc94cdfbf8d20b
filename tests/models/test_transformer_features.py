"""diffusers' features on the transformer: that each works, and that it really engages (calls are counted)."""

import json

import pytest
import torch
from diffusers import FirstBlockCacheConfig, PyramidAttentionBroadcastConfig
from diffusers.hooks import apply_group_offloading
from diffusers.models.attention_dispatch import _AttentionBackendRegistry
from peft import LoraConfig
from safetensors.torch import load_file, save_file

from vera.errors import VeraError
from vera.models import VeraTransformer3DModel, attention_kernel
from vera.models.joint_attention import JointAttention


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
    model(**inputs).sample.square().mean().backward()
    assert all(p.grad is not None for p in lora.values())
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
    model.enable_cache(FirstBlockCacheConfig(threshold=0.1))
    with model.cache_context("cond"):
        for _ in range(3):
            sample = model(**inputs).sample
    assert len(calls) == 4 + 1 + 1
    torch.testing.assert_close(sample, before, atol=1e-5, rtol=0)


@torch.no_grad()
def test_pyramid_attention_broadcast_skips_joint_attention(make_vera, make_inputs, monkeypatch):
    model, inputs = make_vera(), make_inputs()
    before = model(**inputs).sample
    calls = count_calls(monkeypatch, attention_kernel, "dispatch_attention_fn")
    model.enable_cache(
        PyramidAttentionBroadcastConfig(spatial_attention_block_skip_range=2, current_timestep_callback=lambda: 500)
    )
    with model.cache_context("cond"):
        samples = [model(**inputs).sample for _ in range(4)]
    text_calls, joint_calls = 4 * 2 * 2, 2 * 2
    assert len(calls) == text_calls + joint_calls
    assert all(torch.equal(sample, before) for sample in samples)


@torch.no_grad()
def test_group_offload_works_block_by_block(make_vera, make_inputs):
    model, inputs = make_vera(num_layers=3), make_inputs()
    before = model(**inputs).sample
    apply_group_offloading(model, onload_device=torch.device("cpu"), offload_type="block_level", num_blocks_per_group=1)
    hooked = [name for name, module in model.named_modules() if hasattr(module, "_diffusers_hook")]
    assert {"blocks.0", "blocks.1", "blocks.2"} <= set(hooked)
    assert torch.equal(model(**inputs).sample, before)


@torch.no_grad()
def test_layerwise_casting_leaves_norms_and_embeddings(make_vera, make_inputs):
    model, inputs = make_vera(), make_inputs()
    before = model(**inputs).sample
    model.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    assert model.blocks[0].experts["edit"].ffn.net[2].weight.dtype == torch.float8_e4m3fn
    assert model.source_embedding.weight.dtype == torch.float32
    sample = model(**inputs).sample
    assert (sample - before).norm() / before.norm() < 0.2

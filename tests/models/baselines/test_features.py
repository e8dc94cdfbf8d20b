"""What users of diffusers expect of a model, of every variant's class; calls are counted."""

import functools

import pytest
import torch
from diffusers import FirstBlockCacheConfig, MagCacheConfig, PyramidAttentionBroadcastConfig
from diffusers.hooks import apply_group_offloading
from diffusers.models.transformers.transformer_wan import WanTransformerBlock
from diffusers.models.transformers.transformer_wan_vace import WanVACETransformerBlock
from peft import LoraConfig
from safetensors.torch import load_file, save_file
from tests.models.cached import cached_samples

from vera.errors import VeraError
from vera.models.baselines import VARIANTS
from vera.models.wan_attention import WanAttnProcessor

# The mixture of transformers and what is Wan itself have tests of their own.
CLASSES = pytest.mark.parametrize("variant", sorted(VARIANTS.keys() - {"mot", "v2v", "t2v"}))


def count_calls(monkeypatch, cls):
    calls, forward = [], cls.forward

    @functools.wraps(forward)  # diffusers reads the arguments' names
    def counted(self, *args, **kwargs):
        calls.append(self)
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(cls, "forward", counted)
    return calls


@CLASSES
@torch.no_grad()
def test_save_and_load_is_bit_exact(make_variant, make_inputs, tmp_path, variant):
    model = make_variant(variant)
    inputs = make_inputs(branches=len(model.config.branches), mask=True)
    model.save_pretrained(tmp_path)
    loaded = VARIANTS[variant].model.from_pretrained(tmp_path)
    public = [
        {k: list(v) if isinstance(v, tuple) else v for k, v in m.config.items() if k[0] != "_"} for m in (model, loaded)
    ]
    assert public[0] == public[1]
    assert all(torch.equal(x, loaded.state_dict()[key]) for key, x in model.state_dict().items())
    sample = loaded(**inputs).sample
    # Weights that a file leaves at odd addresses are multiplied by other kernels, in another order.
    torch.testing.assert_close(sample, model(**inputs).sample, atol=1e-6, rtol=0)
    (as_tuple,) = loaded(**inputs, return_dict=False)
    assert torch.equal(as_tuple, sample)


@CLASSES
def test_incomplete_weights_are_refused(make_variant, tmp_path, variant):
    make_variant(variant).save_pretrained(tmp_path)
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    del weights["blocks.1.attn1.to_q.weight"]
    save_file(weights, path)
    with pytest.raises(VeraError, match=r"1 missing weights .*blocks\.1\.attn1\.to_q"):
        VARIANTS[variant].model.from_pretrained(tmp_path)


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "t2v"])
@torch.no_grad()
def test_source_and_mask_are_seen_and_a_zero_mask_is_none(make_variant, make_inputs, variant):
    model = make_variant(variant)
    inputs = make_inputs(branches=len(model.config.branches))
    sample = model(**inputs).sample
    assert torch.equal(model(**inputs, mask=torch.zeros_like(inputs["source"])).sample, sample)
    assert (model(**inputs, mask=inputs["source"]).sample - sample).abs().max() > 1e-3
    assert (model(**{**inputs, "source": -inputs["source"]}).sample - sample).abs().max() > 1e-3


@CLASSES
def test_gradient_checkpointing_gives_the_same_gradients(make_variant, make_inputs, monkeypatch, variant):
    model = make_variant(variant).train()
    inputs = make_inputs(branches=len(model.config.branches), mask=True)
    model(**inputs).sample.square().mean().backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    model.enable_gradient_checkpointing()
    calls = count_calls(monkeypatch, WanTransformerBlock)
    model(**inputs).sample.square().mean().backward()
    assert len(calls) == 2 * 2, "forward and again in backward"
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], atol=1e-6, rtol=1e-5)


@CLASSES
def test_lora(make_variant, make_inputs, variant):
    model = make_variant(variant)
    inputs = make_inputs(branches=len(model.config.branches))
    with torch.no_grad():
        before = model(**inputs).sample
    model.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    lora = {name: p for name, p in model.named_parameters() if "lora" in name}
    blocks = 3 if variant == "vace" else 2
    assert len(lora) == blocks * 2 * 4 * 2
    model(**inputs).sample.square().mean().backward()
    assert all(p.grad is not None for p in lora.values())
    with torch.no_grad():
        for name, parameter in lora.items():
            if "lora_B" in name:
                parameter.normal_()
        assert (model(**inputs).sample - before).abs().max() > 1e-3
        off = model(**inputs, attention_kwargs={"scale": 0.0}).sample
        torch.testing.assert_close(off, before, atol=1e-6, rtol=0)


@pytest.mark.parametrize("variant", ["dense", "v2v_concat"])
@torch.no_grad()
def test_first_block_cache_skips_blocks(make_variant, make_inputs, monkeypatch, variant):
    model = make_variant(variant, num_layers=4)
    inputs = make_inputs(branches=len(model.config.branches))
    before = model(**inputs).sample
    calls = count_calls(monkeypatch, WanTransformerBlock)
    *_, sample = cached_samples(model, inputs, FirstBlockCacheConfig(threshold=0.1), 3)
    assert len(calls) == 4 + 1 + 1
    torch.testing.assert_close(sample, before, atol=1e-5, rtol=0)


@CLASSES
@torch.no_grad()
def test_pyramid_attention_broadcast_skips_self_attention(make_variant, make_inputs, monkeypatch, variant):
    model = make_variant(variant)
    inputs = make_inputs(branches=len(model.config.branches))
    before = model(**inputs).sample
    calls, compute = [], WanAttnProcessor.__call__
    monkeypatch.setattr(WanAttnProcessor, "__call__", lambda *args: calls.append(args[3] is None) or compute(*args))
    cache = PyramidAttentionBroadcastConfig(spatial_attention_block_skip_range=2, current_timestep_callback=lambda: 500)
    samples = cached_samples(model, inputs, cache, 4)
    blocks = 3 if variant == "vace" else 2
    assert (calls.count(True), calls.count(False)) == (2 * blocks, 4 * blocks), "of the frames, and of the text"
    assert all(torch.equal(sample, before) for sample in samples)


@pytest.mark.parametrize(
    "config", [FirstBlockCacheConfig(), MagCacheConfig(mag_ratios=[1.0])], ids=["FirstBlockCache", "MagCache"]
)
def test_caches_that_would_count_the_context_twice_are_refused(make_variant, config):
    with pytest.raises(VeraError, match=f"{type(config).__name__} skips blocks"):
        make_variant("vace").enable_cache(config)


@CLASSES
@torch.no_grad()
def test_group_offload_works_block_by_block(make_variant, make_inputs, variant):
    model = make_variant(variant)
    inputs = make_inputs(branches=len(model.config.branches))
    before = model(**inputs).sample
    apply_group_offloading(model, onload_device=torch.device("cpu"), offload_type="block_level", num_blocks_per_group=1)
    hooked = {name for name, module in model.named_modules() if hasattr(module, "_diffusers_hook")}
    assert hooked >= {"blocks.0", "blocks.1"} | ({"vace_blocks.0"} if variant == "vace" else set())
    assert torch.equal(model(**inputs).sample, before)


@torch.no_grad()
def test_context_blocks_run_once_each(make_variant, make_inputs, monkeypatch):
    model = make_variant("vace", num_layers=5, vace_layers=[0, 3])
    calls = count_calls(monkeypatch, WanVACETransformerBlock)
    model(**make_inputs(branches=1))
    assert calls == list(model.vace_blocks)


@pytest.mark.parametrize("variant", ["v2v_concat", "vace"])
def test_models_of_the_whole_frame_predict_one_branch(tiny_config, variant):
    with pytest.raises(ValueError, match="one branch"):
        VARIANTS[variant].model(**tiny_config, branches=("edit", "alpha"))


@torch.no_grad()
def test_a_dense_model_predicts_clean_samples_and_knows_the_frame(make_variant, make_inputs):
    inputs = make_inputs()
    plain = make_variant("dense")
    velocity = make_variant("dense", prediction_type="sample")(**inputs).sample
    times = (inputs["timestep"] / 1000).reshape(-1, 1, 1, 1, 1, 1)
    torch.testing.assert_close(inputs["hidden_states"] - times * velocity, plain(**inputs).sample, rtol=1e-4, atol=1e-4)

    told = make_variant("dense", frame_coordinates=True)
    told.load_state_dict(plain.state_dict(), strict=False)
    assert not torch.allclose(told(**inputs).sample, plain(**inputs).sample, atol=1e-2)


@pytest.mark.faults
@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_a_single_file_is_told_where_to_go(tmp_path, variant):
    """What Wan's classes inherit asked the hub for the configuration of Stable Diffusion."""
    with pytest.raises(VeraError, match="is loaded from a folder: `vera init --base FILE"):
        VARIANTS[variant].model.from_single_file(tmp_path / "model.safetensors")

"""Caches of diffusers in a whole sampling run, guided and windowed: what they save, counted."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from diffusers import FirstBlockCacheConfig, MagCacheConfig, PyramidAttentionBroadcastConfig

from vera.errors import VeraError
from vera.models import VeraTransformer3DModel
from vera.models.joint_attention import JointAttention
from vera.pipelines import VeraPipeline

MakePipeline = Callable[..., VeraPipeline]
CLIP = np.random.default_rng(0).integers(0, 256, (13, 32, 32, 3), dtype=np.uint8)
STEPS, WINDOWS, BLOCKS = 6, 2, 3
FULL = STEPS * WINDOWS * 2 * BLOCKS  # with and without the text


def first_block(pipeline: VeraPipeline) -> FirstBlockCacheConfig:
    return FirstBlockCacheConfig(threshold=1e9)


def magnitude(pipeline: VeraPipeline) -> MagCacheConfig:
    return MagCacheConfig(num_inference_steps=STEPS, mag_ratios=[1.0] * STEPS, max_skip_steps=1, retention_ratio=0.0)


def pyramid(pipeline: VeraPipeline) -> PyramidAttentionBroadcastConfig:
    return PyramidAttentionBroadcastConfig(
        spatial_attention_block_skip_range=2,
        spatial_attention_timestep_skip_range=(0, 1001),
        current_timestep_callback=lambda: pipeline.current_timestep,
    )


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(
    ("config", "computed"),
    [
        # Every window of each guidance pass computes its first step whole, and then first blocks only.
        (first_block, WINDOWS * 2 * (BLOCKS + (STEPS - 1))),
        (magnitude, FULL // 2),
    ],
    ids=["FirstBlockCache", "MagCache"],
)
def test_a_cache_saves_joint_attention(
    make_pipeline: MakePipeline, monkeypatch: pytest.MonkeyPatch, config: Callable[..., object], computed: int
) -> None:
    torch.manual_seed(0)
    sizes = {"num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 4, "out_channels": 4, "text_dim": 16}
    transformer = VeraTransformer3DModel(**sizes, freq_dim=16, ffn_dim=32, num_layers=BLOCKS).eval()
    pipeline = make_pipeline(transformer=transformer, window_frames=9, window_overlap=4)
    processor, calls = JointAttention._default_processor_cls, []
    compute = processor.__call__
    monkeypatch.setattr(processor, "__call__", lambda *args: calls.append(1) or compute(*args))

    pipeline(CLIP, "add a red balloon", num_inference_steps=STEPS)
    assert len(calls) == FULL
    calls.clear()
    transformer.enable_cache(config(pipeline))
    outputs = []
    for _ in range(2):
        outputs.append(pipeline(CLIP, "add a red balloon", num_inference_steps=STEPS, generator=seeded()).edit)
        assert len(calls) == computed
        calls.clear()
    assert np.array_equal(*outputs), "the second run knows nothing of the first"


@pytest.mark.parametrize(("frames", "guidance"), [(9, 3.0), (13, 1.0)])
def test_a_cache_that_would_mix_passes_is_refused(make_pipeline: MakePipeline, frames: int, guidance: float) -> None:
    pipeline = make_pipeline(window_frames=9, window_overlap=4)
    pipeline.transformer.enable_cache(pyramid(pipeline))
    pipeline(CLIP[:9], "add a red balloon", num_inference_steps=2, guidance_scale=1.0)
    with pytest.raises(VeraError, match="one window without guidance"):
        pipeline(CLIP[:frames], "add a red balloon", num_inference_steps=2, guidance_scale=guidance)

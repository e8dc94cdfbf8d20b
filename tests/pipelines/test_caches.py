"""Caches of diffusers in a whole sampling run, guided and windowed: what they save, counted."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    FasterCacheConfig,
    FirstBlockCacheConfig,
    MagCacheConfig,
    PyramidAttentionBroadcastConfig,
    TaylorSeerCacheConfig,
    TextKVCacheConfig,
)
from diffusers.hooks import SeaCacheConfig

from vera.errors import VeraError
from vera.models import VeraTransformer3DModel
from vera.models.baselines import VARIANTS
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


def spectral(pipeline: VeraPipeline) -> SeaCacheConfig:
    return SeaCacheConfig(threshold=1e9)


def series(pipeline: VeraPipeline) -> TaylorSeerCacheConfig:
    return TaylorSeerCacheConfig(cache_interval=3, disable_cache_before_step=1)


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
        # It must be told the step, its noise and the number of steps: of six, two are taken whole to begin with.
        (spectral, FULL // 2),
        (series, FULL // 2),
    ],
    ids=["FirstBlockCache", "MagCache", "SeaCache", "TaylorSeer"],
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


@pytest.mark.faults
@pytest.mark.parametrize("config", [first_block, magnitude, spectral, series])
def test_a_run_that_raised_leaves_nothing_to_the_next(
    make_pipeline: MakePipeline, config: Callable[..., object]
) -> None:
    torch.manual_seed(0)
    sizes = {"num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 4, "out_channels": 4, "text_dim": 16}
    transformer = VeraTransformer3DModel(**sizes, freq_dim=16, ffn_dim=32, num_layers=BLOCKS).eval()
    pipeline = make_pipeline(transformer=transformer, window_frames=9, window_overlap=4)
    transformer.enable_cache(config(pipeline))

    def stop(pipe: VeraPipeline, step: int, *seen: object) -> None:
        if step == 2:
            raise KeyboardInterrupt

    def edit(clip: np.ndarray, **call: Any) -> np.ndarray:
        edited = pipeline(clip, "add a red balloon", num_inference_steps=STEPS, generator=seeded(), **call).edit
        return np.asarray(edited)

    wide = np.repeat(CLIP, 2, axis=2)
    for clip in (CLIP, wide):
        fresh = edit(clip)
        with pytest.raises(KeyboardInterrupt):
            edit(255 - CLIP, callback_on_step_end=stop)
        assert np.array_equal(edit(clip), fresh)


@pytest.mark.parametrize(("frames", "guidance"), [(9, 3.0), (13, 1.0)])
def test_a_cache_that_would_mix_passes_is_refused(make_pipeline: MakePipeline, frames: int, guidance: float) -> None:
    pipeline = make_pipeline(window_frames=9, window_overlap=4)
    pipeline.transformer.enable_cache(pyramid(pipeline))
    pipeline(CLIP[:9], "add a red balloon", num_inference_steps=2, guidance_scale=1.0)
    with pytest.raises(VeraError, match="one window without guidance"):
        pipeline(CLIP[:frames], "add a red balloon", num_inference_steps=2, guidance_scale=guidance)


@pytest.mark.faults
@pytest.mark.parametrize("variant", ["mot", "dense", "v2v_concat"])
@pytest.mark.parametrize(
    ("config", "words"),
    [
        (FasterCacheConfig(), "FasterCache does not work.*two forwards"),
        (TextKVCacheConfig(), "TextKVCache does not work.*save nothing"),
        (TaylorSeerCacheConfig(use_lite_mode=True), "lite mode"),
    ],
)
def test_caches_that_would_fail_or_save_nothing_are_refused(variant: str, config: object, words: str) -> None:
    sizes = {"num_attention_heads": 1, "attention_head_dim": 12, "ffn_dim": 8, "freq_dim": 16, "num_layers": 1}
    transformer = VARIANTS[variant].model(**sizes)
    with pytest.raises(VeraError, match=words):
        transformer.enable_cache(config)
    assert not transformer.is_cache_enabled


@pytest.mark.faults
@pytest.mark.parametrize("variant", ["dense", "v2v", "v2v_concat"])
def test_sea_cache_saves_in_every_variant(make_pipeline: MakePipeline, variant: str) -> None:
    sizes = {"num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 4, "out_channels": 4, "text_dim": 16}
    config = VARIANTS[variant].config(sizes | {"freq_dim": 16, "ffn_dim": 32, "num_layers": BLOCKS})
    transformer = VARIANTS[variant].model(**config).eval()
    pipeline = make_pipeline(transformer=transformer, window_frames=9, window_overlap=4)
    calls: list[int] = []
    ffn = transformer.blocks[1].ffn if variant != "v2v" else transformer.blocks[1].experts["composite"].ffn
    ffn.register_forward_hook(lambda *seen: calls.append(1))
    transformer.enable_cache(spectral(pipeline))
    pipeline(CLIP, "add a red balloon", num_inference_steps=STEPS)
    assert len(calls) == STEPS * WINDOWS


@pytest.mark.faults
@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_a_cache_is_told_where_the_sampling_is(make_pipeline: MakePipeline, guidance: float) -> None:
    """The names and numbers that WanPipeline gives; passes of several windows have names of their own."""
    pipeline, seen = make_pipeline(window_frames=9, window_overlap=4), []
    own = pipeline.transformer.cache_context

    def look(name: str, **where: Any) -> Any:
        seen.append((name, where))
        return own(name, **where)

    pipeline.transformer.cache_context = look
    pipeline(CLIP[:9], "add a red balloon", num_inference_steps=2, guidance_scale=guidance)
    sigmas = [float(sigma) for sigma in pipeline.scheduler.sigmas[:2]]
    passes = ["cond", "uncond"][: 1 + (guidance > 1)]
    assert seen == [
        (name, {"step_index": step, "sigma": sigmas[step], "num_inference_steps": 2})
        for step in range(2)
        for name in passes
    ]
    seen.clear()
    pipeline(CLIP, "add a red balloon", num_inference_steps=1, guidance_scale=guidance)
    assert len({name for name, _ in seen}) == len(seen) == WINDOWS * len(passes)


@pytest.mark.faults
def test_a_callback_that_begins_guidance_does_not_mix_passes(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(window_frames=9, window_overlap=4)
    pipeline.transformer.enable_cache(pyramid(pipeline))

    def begin(pipe: VeraPipeline, *seen: object) -> None:
        pipe._guidance_scale = 3.0

    with pytest.raises(VeraError, match="one window without guidance"):
        pipeline(CLIP[:9], "add a red balloon", guidance_scale=1.0, callback_on_step_end=begin)

"""Texts and latents as Wan's own pipelines make them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, WanPipeline, WanVACEPipeline
from diffusers.pipelines.wan.pipeline_wan import prompt_clean
from diffusers.video_processor import VideoProcessor
from hypothesis import example, given
from hypothesis import strategies as st

from vera import VeraError
from vera.pipelines import VeraPipeline
from vera.pipelines.sampling.text import clean_prompt, encode_text

MakePipeline = Callable[..., VeraPipeline]
PROMPTS = ["add a red balloon", "", "  add\ta  red\nballoon ", "balloon &amp;amp; add", "add a “red” balloon â€” red"]


@given(st.text())
@example("&lt;&#28;&amp;amp;nbsp;red")
@example("a\x1cb\x85c\u2028d\u3000e")
def test_prompts_are_cleaned_as_in_wan(text: str) -> None:
    assert clean_prompt(text) == prompt_clean(text)


@given(st.from_regex(r"[A-Za-z0-9.,!?'()-]+( [A-Za-z0-9.,!?'()-]+)*", fullmatch=True))
def test_plain_prompts_stay_as_they_are(text: str) -> None:
    assert clean_prompt(text) == text


def wan_pipeline(vera: VeraPipeline) -> WanPipeline:
    return WanPipeline(vera.tokenizer, vera.text_encoder, vera.vae, vera.scheduler)


@pytest.mark.parametrize("prompt", [*PROMPTS, "add a red balloon " * 300])
def test_states_are_those_of_wan(make_pipeline: MakePipeline, prompt: str) -> None:
    vera = make_pipeline("wan", "umt5")
    wan = wan_pipeline(vera)
    with torch.no_grad():
        states = vera.encode_prompt(prompt, "red red", max_sequence_length=512)
        expected = wan.encode_prompt(prompt, "red red", max_sequence_length=512)
    for state, reference in zip(states, expected, strict=True):
        assert state.shape == (1, 512, 16)
        torch.testing.assert_close(state, reference, atol=1e-6, rtol=0)
        assert torch.equal(state.any(-1), reference.any(-1)), "zeros at the same places"


def test_prompts_of_one_length_are_encoded_together_and_no_other(make_pipeline: MakePipeline) -> None:
    vera = make_pipeline("wan", "umt5")
    prompts = ["red", "add a red balloon", "blue", "", "red", "add a blue balloon"]
    encoder, shapes = vera.text_encoder, []
    handle = encoder.register_forward_pre_hook(lambda _, args: shapes.append(tuple(args[0].shape)))
    with torch.no_grad():
        together = encode_text(vera.tokenizer, encoder, prompts, 12)
        handle.remove()
        alone = torch.cat([encode_text(vera.tokenizer, encoder, [prompt], 12) for prompt in prompts])
    assert len({length for _, length in shapes}) == len(shapes) < len(prompts)
    assert sum(count for count, _ in shapes) == len(prompts) - (not vera.tokenizer("").input_ids)
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)
    assert torch.equal(together.any(-1), alone.any(-1))


def test_the_pipeline_reads_512_tokens_not_the_226_of_wans_encode_prompt(make_pipeline: MakePipeline) -> None:
    vera = make_pipeline("wan", "umt5", max_sequence_length=512)
    with torch.no_grad():
        states, _ = vera.encode_prompt("red " * 300)
    assert states.shape[1] == 512 and states[0, 299].any() and not states[0, 300:].any()


# The negative prompt


def test_the_negative_prompt_of_the_config_is_used_unless_the_call_gives_one(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(negative_prompt="red balloon")
    clip = np.zeros((1, 32, 32, 3), np.uint8)

    def run(**call: object) -> np.ndarray:
        return np.asarray(pipeline(clip, "add", generator=torch.Generator().manual_seed(0), **call).edit)

    assert np.array_equal(run(), run(negative_prompt="red balloon"))
    assert not np.array_equal(run(), run(negative_prompt=""))


def test_a_long_negative_prompt_of_the_config_is_named(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(negative_prompt="red " * 9)
    with pytest.raises(VeraError, match="negative prompt is 9 tokens"):
        pipeline(np.zeros((1, 32, 32, 3), np.uint8), "add")


def test_tokens_are_counted_after_cleaning(make_pipeline: MakePipeline) -> None:
    make_pipeline().check_text("a&nbsp;a " * 4, "instruction", 8)
    with pytest.raises(VeraError, match="9 tokens"):
        make_pipeline().check_text("a&nbsp;a " * 4 + "a", "instruction", 8)


# Latents


@torch.no_grad()
def test_latents_are_those_of_diffusers(make_pipeline: MakePipeline) -> None:
    vera = make_pipeline("wan", "umt5")
    vace = WanVACEPipeline(vera.tokenizer, vera.text_encoder, vera.vae, FlowMatchEulerDiscreteScheduler())
    frames = np.random.default_rng(0).random((9, 32, 48, 3), dtype=np.float32)
    processor = VideoProcessor(vae_scale_factor=8)
    config = vera.vae.config

    latents = vera.encode_frames(frames)
    x_bcthw = processor.preprocess_video([list(frames)])
    # With a mask of ones VACE's second half is the whole video.
    expected = vace.prepare_video_latents(x_bcthw, mask=torch.ones_like(x_bcthw), reference_images=[[]])[
        :, config.z_dim :
    ]
    torch.testing.assert_close(latents, expected, atol=1e-6, rtol=1e-6)

    # The lines of WanPipeline.__call__ after its last step.
    mean = torch.tensor(config.latents_mean).view(1, config.z_dim, 1, 1, 1)
    std = 1.0 / torch.tensor(config.latents_std).view(1, config.z_dim, 1, 1, 1)
    decoded = processor.postprocess_video(vera.vae.decode(latents / std + mean, return_dict=False)[0], "pt")
    torch.testing.assert_close(vera.decode_latents(latents, 9), decoded[0].permute(0, 2, 3, 1), atol=1e-5, rtol=0)

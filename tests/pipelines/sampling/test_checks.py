"""What a call may say and what parts may be exchanged: one line for the rest, before anything is sampled."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from vera import VeraError
from vera.models.baselines import VARIANTS
from vera.pipelines import VeraPipeline

MakePipeline = Callable[..., VeraPipeline]
TEXT = "add a red balloon"
VIDEO = np.zeros((5, 32, 48, 3), np.uint8)
EMBEDS = torch.zeros(1, 8, 16)
NOISE = torch.zeros(1, 3, 4, 2, 4, 6)

pytestmark = pytest.mark.faults


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"prompt": None}, "instruction is missing"),
        ({"prompt": 3}, "a text or a list of texts, not int"),
        ({"prompt": []}, "not an empty list"),
        ({"prompt": [TEXT, None]}, "not of NoneType"),
        ({"prompt": [TEXT, " "]}, "empty"),
        ({"instruction": TEXT}, "two names of one thing"),
        ({"negative_prompt": 1.0}, "negative prompt is a text"),
        ({"negative_prompt": ["a", "a"]}, "2 negative prompts for 1 prompts"),
        ({"prompt_embeds": EMBEDS}, "not both"),
        ({"prompt": None, "prompt_embeds": EMBEDS[0]}, "prompt_embeds are"),
        ({"prompt": None, "prompt_embeds": EMBEDS[..., :5]}, "prompt_embeds are .*16"),
        ({"prompt": None, "prompt_embeds": EMBEDS / 0}, "prompt_embeds has NaN"),
        ({"negative_prompt": "a", "negative_prompt_embeds": EMBEDS}, "not both"),
        (
            {"prompt": None, "prompt_embeds": EMBEDS, "negative_prompt_embeds": EMBEDS.repeat(3, 1, 1)},
            "make them equal",
        ),
        ({"generator": [torch.Generator()] * 2}, "2 generators for 1 videos"),
        ({"prompt": [TEXT] * 2, "generator": [torch.Generator()] * 3}, "3 generators for 2 videos"),
        ({"generator": 7}, "generator is a torch.Generator"),
        ({"generator": [None, 7]}, "generator is a torch.Generator"),
        ({"latents": NOISE[:, :2]}, "latents are"),
        ({"latents": NOISE.numpy()}, "latents are"),
        ({"latents": NOISE / 0}, "latents has NaN"),
        ({"source_latents": NOISE[:, 0] / 0, "video": None}, "source_latents has NaN"),
        ({"source_latents": NOISE[:, 0], "video": None, "height": 32, "width": 48}, "go with video"),
        ({"num_inference_steps": 2.5}, "steps must"),
        ({"num_inference_steps": True}, "steps must"),
        ({"guidance_scale": "3"}, "guidance must"),
        ({"window_frames": 9.5}, "window"),
        ({"max_sequence_length": 0}, "max_sequence_length"),
        ({"num_videos_per_prompt": 0}, "num_videos_per_prompt"),
        ({"output_type": "mp4"}, "output_type"),
        ({"num_frames": 3}, "num_frames is 3, the video has 5"),
        ({"attention_kwargs": 0.5}, "attention_kwargs is a dict"),
        ({"prompt": None, "prompt_embeds": EMBEDS.long()}, "prompt_embeds are int64"),
        ({"video": [VIDEO] * 2, "prompt": [TEXT] * 3}, "3 prompts and 2 clips"),
        ({"video": torch.from_numpy(VIDEO).to("meta")}, "video is on the device meta"),
        ({"video": torch.from_numpy(VIDEO / 255).to_sparse()}, "video is sparse"),
        ({"video": VIDEO[None][:0]}, "video is an empty batch"),
        ({"mask": torch.zeros(5, 32, 48, device="meta")}, "mask is on the device meta"),
        ({"mask": np.full((5, 32, 48), 90, np.uint16)}, "labels"),
        ({"latents": NOISE.to("meta")}, "latents is on the device meta"),
        ({"latents": NOISE + 0j}, "latents are complex64"),
        ({"source_latents": NOISE[:, 0].to("meta"), "video": None}, "source_latents is on the device meta"),
        ({"prompt": None, "prompt_embeds": EMBEDS.to("meta")}, "prompt_embeds is on the device meta"),
        ({"negative_prompt_embeds": EMBEDS.repeat(2, 1, 1)}, "2 negative prompts for 1 videos"),
        ({"generator": (torch.Generator(),)}, "generator is a torch.Generator"),
        ({"generator": [None]}, "generator is a torch.Generator"),
        ({"max_sequence_length": 10**9}, "max_sequence_length"),
        ({"height": "32", "width": 48}, "numbers of pixels"),
        ({"height": 32, "width": float("nan")}, "numbers of pixels"),
        ({"height": 32 * 10**8, "width": 48}, "positions"),
        ({"callback_on_step_end": 3}, "is a function"),
        ({"callback_on_step_end_tensor_inputs": 3}, "may see a list of latents"),
        ({"callback_on_step_end_tensor_inputs": "latents"}, "may see a list of latents"),
        ({"callback_on_step_end": lambda *given: [1]}, "gives back list: it is a dict"),
        ({"callback_on_step_end": lambda *given: {"latents": NOISE.to("meta")}}, "latents is on the device meta"),
        ({"callback_on_step_end": lambda pipe, *given: setattr(pipe, "_guidance_scale", float("nan"))}, "guidance"),
        ({"callback_on_step_end": lambda pipe, *given: setattr(pipe, "_guidance_scale", None)}, "guidance"),
    ],
)
def test_a_call_that_cannot_be(make_pipeline: MakePipeline, call: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        make_pipeline()(**{"video": VIDEO, "prompt": TEXT} | call)
    assert isinstance(error.value, VeraError) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("clip", "words"),
    [
        ((np.zeros((5, 33, 48, 3), np.uint8),), "multiples of 8x8, not at 48x33"),
        ((np.zeros((5, 32, 47), np.uint8),), "multiples of 8x8, not at 47x32"),
        ((VIDEO[:0],), "one frame or more, not 0"),
        ((VIDEO[0],), "the clip is .frames, height"),
        ((VIDEO[None],), "the clip is .frames, height"),
        ((VIDEO.transpose(0, 3, 1, 2),), "the clip is .frames, height"),
        ((torch.zeros(5, 32, 48, 3, device="meta"),), "the clip is on the device meta"),
        ((VIDEO.astype(object),), "the clip is object"),
        ((list(VIDEO),), "not list"),
        ((None,), "not NoneType"),
        ((None, 5), "not NoneType"),
        ((list(VIDEO), 5), "the clip is .frames, height"),
        ((iter([VIDEO, 3]), 5), "a chunk of the clip is an array or a tensor, not int"),
        ((iter([VIDEO, VIDEO[:, :16]]), 10), "not of one size and kind"),
        ((iter([VIDEO, VIDEO / 255]), 10), "not of one size and kind"),
        ((iter([VIDEO]), 5.5), "one frame or more, not 5.5"),
        ((VIDEO, 4), "more than the 4 frames"),
    ],
)
def test_frames_that_cannot_be_encoded(make_pipeline: MakePipeline, clip: tuple[Any, ...], words: str) -> None:
    with pytest.raises(VeraError, match=words) as error:
        make_pipeline().encode_frames(*clip)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("latents", "frames", "words"),
    [
        (NOISE[0, :1, :3], 5, "latents of a clip are .4, frames"),
        (NOISE[0, :2], 5, "latents of a clip are .4, frames"),
        (NOISE, 5, "latents of a clip are .4, frames"),
        (NOISE[0, 0].numpy(), 5, "latents of a clip are .4, frames, height, width., not"),
        (NOISE[0, 0, :, :0], 5, "latents of a clip are .4, frames"),
        (NOISE[0, 0].to("meta"), 5, "latents is on the device meta"),
        (NOISE[0, 0].long(), 5, "latents are int64"),
        (NOISE[0, 0] / 0, 5, "latents has NaN"),
        (None, 5, "not NoneType"),
        (NOISE[0, 0], 5.0, "hold 1 to 5 frames, not 5.0"),
        (NOISE[0, 0], -1, "hold 1 to 5 frames, not -1"),
        (NOISE[0, 0], 0, "hold 1 to 5 frames, not 0"),
        (NOISE[0, 0], 6, "hold 1 to 5 frames, not 6"),
        (NOISE[0, 0], None, "hold 1 to 5 frames, not None"),
    ],
)
def test_latents_that_cannot_be_decoded(make_pipeline: MakePipeline, latents: Any, frames: Any, words: str) -> None:
    with pytest.raises(VeraError, match=words):
        make_pipeline().decode_latents(latents, frames)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"prompt": None}, "instruction is missing"),
        ({"prompt": 3}, "not int"),
        ({"prompt": [TEXT, None]}, "not of NoneType"),
        ({"prompt": TEXT, "negative_prompt": 3}, "negative prompt is a text"),
        ({"prompt": TEXT, "prompt_embeds": EMBEDS}, "not both"),
        ({"prompt": TEXT, "negative_prompt": "a", "negative_prompt_embeds": EMBEDS}, "not both"),
        ({"prompt": None, "prompt_embeds": EMBEDS[0]}, "prompt_embeds are"),
        ({"prompt": TEXT, "num_videos_per_prompt": 0}, "num_videos_per_prompt is at least 1, not 0"),
        ({"prompt": TEXT, "num_videos_per_prompt": 1.5}, "num_videos_per_prompt is at least 1"),
        ({"prompt": TEXT, "max_sequence_length": 0}, "max_sequence_length"),
    ],
)
def test_texts_that_cannot_be_encoded(make_pipeline: MakePipeline, texts: dict[str, Any], words: str) -> None:
    with pytest.raises(VeraError, match=words):
        make_pipeline().encode_prompt(**texts)


FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}


@pytest.mark.parametrize("name", ["UniPCMultistep", "DPMSolverMultistep", "DPMSolverSinglestep"])
def test_schedulers_must_follow_a_flow(make_pipeline: MakePipeline, name: str) -> None:
    kind = getattr(diffusers, f"{name}Scheduler")
    pipeline = make_pipeline(scheduler=kind(**FLOW))
    assert pipeline(VIDEO, TEXT, num_inference_steps=2).edit.shape == VIDEO.shape
    # As a script for another model exchanges it: the configuration of an Euler scheduler says nothing of a prediction.
    pipeline = make_pipeline()
    pipeline.scheduler = kind.from_config(pipeline.scheduler.config, flow_shift=5.0)
    with pytest.raises(VeraError, match=f"{name}Scheduler.*flow_prediction"):
        pipeline(VIDEO, TEXT)


@pytest.mark.parametrize("name", ["FlowMatchEulerDiscrete", "FlowMatchHeunDiscrete"])
def test_flow_schedulers_are_taken(make_pipeline: MakePipeline, name: str) -> None:
    pipeline = make_pipeline(scheduler=getattr(diffusers, f"{name}Scheduler")(shift=3.0))
    assert pipeline(VIDEO, TEXT, num_inference_steps=2).edit.shape == VIDEO.shape


@pytest.mark.parametrize(
    ("scheduler", "words"),
    [
        (diffusers.DEISMultistepScheduler(**FLOW), "0.75 of the noise"),
        (diffusers.SASolverScheduler(**FLOW), "0.75 of the noise"),
        (diffusers.UniPCMultistepScheduler(**FLOW, final_sigmas_type="sigma_min"), "of the noise.*final_sigmas_type"),
        (diffusers.DPMSolverMultistepScheduler(**FLOW, final_sigmas_type="sigma_min"), "0.01 of the noise"),
        (diffusers.UniPCMultistepScheduler(**FLOW, predict_x0=False), "does not work as it is set"),
        (diffusers.UniPCMultistepScheduler(**FLOW, solver_type="bh1"), "astray"),
        (diffusers.UniPCMultistepScheduler(**FLOW, lower_order_final=False), "astray"),
    ],
)
def test_schedulers_must_arrive(make_pipeline: MakePipeline, scheduler: Any, words: str) -> None:
    """They are told before the network is asked: some left noise in the layers, others failed after all its steps."""
    pipeline = make_pipeline(scheduler=scheduler)
    pipeline.transformer = None
    with pytest.raises(VeraError, match=words):
        pipeline.set_timesteps(2)


@pytest.mark.parametrize("steps", [1, 2, 7, 200])
@pytest.mark.parametrize(
    "scheduler",
    [
        diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0, stochastic_sampling=True),
        diffusers.FlowMatchHeunDiscreteScheduler(shift=3.0),
        diffusers.FlowMatchLCMScheduler(shift=3.0),
        diffusers.UniPCMultistepScheduler(**FLOW, solver_order=3),
        diffusers.UniPCMultistepScheduler(**FLOW, use_karras_sigmas=True),
        diffusers.DPMSolverMultistepScheduler(**FLOW, algorithm_type="sde-dpmsolver++"),
        diffusers.DPMSolverSinglestepScheduler(**FLOW),
    ],
    ids=lambda scheduler: type(scheduler).__name__,
)
def test_schedulers_that_arrive_are_set_as_they_set_themselves(
    make_pipeline: MakePipeline, scheduler: Any, steps: int
) -> None:
    """The walk that is tried draws nothing from the global generator, and leaves the scheduler at its first step."""
    pipeline = make_pipeline(scheduler=scheduler)
    before = torch.get_rng_state()
    timesteps = pipeline.set_timesteps(steps)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(timesteps, scheduler.timesteps) and scheduler.step_index is None


@pytest.mark.parametrize(
    ("scheduler", "words"),
    [
        (diffusers.DDIMScheduler(), "DDIMScheduler"),
        (diffusers.EulerDiscreteScheduler(), "EulerDiscreteScheduler"),
        (diffusers.UniPCMultistepScheduler(**FLOW | {"use_flow_sigmas": False}), "use_flow_sigmas"),
        (diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True), "use_dynamic_shifting"),
        (diffusers.FlowMatchEulerDiscreteScheduler(invert_sigmas=True), "invert_sigmas"),
        (diffusers.FlowMatchEulerDiscreteScheduler(shift=-1.0), "do not fall from 1 to 0"),
        (diffusers.FlowMatchEulerDiscreteScheduler(shift=float("nan")), "do not fall from 1 to 0"),
        (diffusers.UniPCMultistepScheduler(**FLOW | {"flow_shift": 0.0}), "do not fall from 1 to 0"),
        (diffusers.FlowMatchEulerDiscreteScheduler(num_train_timesteps=500), "up to 500"),
        (diffusers.DPMSolverMultistepInverseScheduler(**FLOW), "lacks set_begin_index"),
        (diffusers.DDPMWuerstchenScheduler(), "DDPMWuerstchenScheduler"),
        (diffusers.HeliosScheduler(), "HeliosScheduler"),
        (diffusers.HeliosDMDScheduler(), "HeliosDMDScheduler"),
        (diffusers.HeliosScheduler(prediction_type="flow_prediction", use_flow_sigmas=True), "HeliosScheduler"),
        (diffusers.UniPCMultistepScheduler(**FLOW, thresholding=True), "thresholding"),
        (diffusers.DPMSolverMultistepScheduler(**FLOW, thresholding=True), "thresholding"),
        (torch.nn.Identity(), "Identity"),
    ],
)
def test_other_schedulers_are_refused(make_pipeline: MakePipeline, scheduler: Any, words: str) -> None:
    pipeline = make_pipeline()
    pipeline.scheduler = scheduler
    with pytest.raises(VeraError, match=words):
        pipeline(VIDEO, TEXT)


@pytest.mark.parametrize("part", ["scheduler", "transformer", "vae"])
def test_parts_that_are_missing(make_pipeline: MakePipeline, tmp_path: Path, part: str) -> None:
    make_pipeline().save_pretrained(tmp_path)
    pipeline = VeraPipeline.from_pretrained(tmp_path, **{part: None})
    with pytest.raises(VeraError, match=f"this pipeline has no {part}"):
        pipeline(VIDEO, TEXT)
    if part == "vae":
        with pytest.raises(VeraError, match="this pipeline has no vae"):
            pipeline.encode_frames(VIDEO)
        with pytest.raises(VeraError, match="this pipeline has no vae"):
            pipeline.decode_latents(NOISE[0, 0], 5)


def test_networks_that_do_not_belong_together(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    small = {"num_attention_heads": 2, "attention_head_dim": 12, "freq_dim": 16, "ffn_dim": 32, "num_layers": 1}
    pipeline.transformer = diffusers.WanTransformer3DModel(**small, in_channels=4, out_channels=4, text_dim=16)
    with pytest.raises(VeraError, match="WanTransformer3DModel, has no layers"):
        pipeline(VIDEO, TEXT)
    pipeline.transformer = VARIANTS["mot"].model(**small, in_channels=8, out_channels=8, text_dim=16)
    with pytest.raises(VeraError, match="8 channels, the autoencoder makes 4"):
        pipeline(VIDEO, TEXT)
    pipeline.transformer = VARIANTS["mot"].model(**small, in_channels=4, out_channels=4, text_dim=24)
    with pytest.raises(VeraError, match=r"text encoder.* 16.* 24"):
        pipeline(VIDEO, TEXT)

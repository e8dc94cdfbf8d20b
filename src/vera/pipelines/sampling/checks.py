"""What a call of the pipeline may say: one line for all that its networks and its scheduler could not work with."""

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

from vera.errors import VeraError, first_line
from vera.pipelines.lora.guards import check_weight
from vera.pipelines.sampling.output import OUTPUT_TYPES
from vera.pipelines.sampling.sizes import check_size
from vera.pipelines.sampling.windows import latent_length

MOST_TOKENS = 10_000
ARRIVED = 1e-3  # beside clean latents: solvers of up to 1000 steps round to less
ROUNDING = 1e-3  # what floats may lie beyond [0,1]: resizing and half precision overshoot by less


def check_sampling(steps: Any, guidance: Any) -> None:
    """Raise VeraError unless a run can have this many steps and this guidance scale."""
    if not _is_whole(steps) or not 1 <= steps <= 1000:
        raise VeraError(f"steps must be between 1 and 1000, not {steps}")
    if not isinstance(guidance, Real) or not 0.0 <= float(guidance) <= 100.0:
        raise VeraError(f"guidance must be between 0 (or 1: off) and 100, not {guidance}")


def check_windows(frames: Any, overlap: Any) -> None:
    """Raise VeraError unless windows of so many frames can overlap by so many."""
    if not _is_whole(frames) or not _is_whole(overlap) or frames < 1 or not 0 <= overlap < frames:
        raise VeraError(f"a window of {frames} frames cannot overlap the next by {overlap}")


def check_tokens(length: Any) -> None:
    """Raise VeraError unless a text can have so many tokens."""
    if not _is_whole(length) or not 1 <= length <= MOST_TOKENS:
        raise VeraError(f"max_sequence_length is a number of tokens up to {MOST_TOKENS}, not {length}")


def check_output(output_type: str, num_videos_per_prompt: Any, attention_kwargs: Any) -> None:
    """Raise VeraError for a form of output that there is none of, and for what says nothing to attention."""
    if output_type not in OUTPUT_TYPES:
        raise VeraError(f"output_type is one of {', '.join(OUTPUT_TYPES)}, not {output_type!r}")
    check_repeats(num_videos_per_prompt)
    if not isinstance(attention_kwargs, dict | None):
        raise VeraError(f'attention_kwargs is a dict such as {{"scale": 0.5}}, not {_kind(attention_kwargs)}')
    check_weight((attention_kwargs or {}).get("scale", 1.0), "attention_kwargs: scale")


def check_repeats(num_videos_per_prompt: Any) -> None:
    """Raise VeraError unless there can be so many videos of each prompt."""
    if not _is_whole(num_videos_per_prompt) or num_videos_per_prompt < 1:
        raise VeraError(f"num_videos_per_prompt is at least 1, not {num_videos_per_prompt}")


def check_texts(
    prompt: Any, negative_prompt: Any, prompt_embeds: Tensor | None, negative_prompt_embeds: Tensor | None
) -> tuple[list[str], list[str]]:
    """Return prompts and negative prompts, as far as given. Raises VeraError for none, both, or what is no text."""
    if prompt is not None and prompt_embeds is not None:
        raise VeraError("give either the instruction (prompt) or prompt_embeds, not both")
    if negative_prompt is not None and negative_prompt_embeds is not None:
        raise VeraError("give either negative_prompt or negative_prompt_embeds, not both")
    if prompt is None and prompt_embeds is None:
        raise VeraError("the instruction is missing: give prompt, which says what to add or replace, or prompt_embeds")
    return _texts(prompt, "instruction"), _texts(negative_prompt, "negative prompt")


def check_prompts(
    prompt: Any, negative_prompt: Any, prompt_embeds: Tensor | None, negative_prompt_embeds: Tensor | None
) -> list[tuple[str, str]]:
    """Return the texts that are given, each after its name. Raises VeraError for what no edit can be sampled with."""
    prompts, negatives = check_texts(prompt, negative_prompt, prompt_embeds, negative_prompt_embeds)
    if any(not text.strip() for text in prompts):
        raise VeraError("the instruction is empty: say what to add or replace")
    count = len(prompts) if prompt_embeds is None else prompt_embeds.shape[0]
    if isinstance(negative_prompt, list | tuple) and len(negatives) != count:
        raise VeraError(f"there are {len(negatives)} negative prompts for {count} prompts: give one, or one for each")
    return [("instruction", text) for text in prompts] + [("negative prompt", text) for text in negatives]


def check_embeds(prompt_embeds: Any, negative_prompt_embeds: Any, width: int | None) -> None:
    """Raise VeraError unless embeddings are finite states [B, L, width]."""
    for name, states in (("prompt_embeds", prompt_embeds), ("negative_prompt_embeds", negative_prompt_embeds)):
        if states is None:
            continue
        if (
            not isinstance(states, Tensor)
            or states.ndim != 3
            or 0 in states.shape
            or states.shape[2] != (width or states.shape[2])
        ):
            raise VeraError(f"{name} are [texts, tokens, {width}], not {_shape(states)}")
        check_states(states, name)


def check_values(frames: Tensor, name: str) -> None:
    """Raise VeraError unless the frames are bytes, bool or floats in [0,1]."""
    if frames.dtype in (torch.uint8, torch.bool):
        return
    if frames.dtype not in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        kind = str(frames.dtype).removeprefix("torch.")
        raise VeraError(f"{name} is {kind}: give it as uint8, or as floats in [0, 1]")
    low, high = (float(value) for value in torch.aminmax(frames))
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):  # NaN is neither
        raise VeraError(f"{name} has values from {low:g} to {high:g}: floats lie in [0, 1]; scale them, or give uint8")


def check_coded(latents: Any, frames: Any, channels: int, stride: int) -> None:
    """Raise VeraError unless latents [1,C,T',h,w] or [C,T',h,w] of one clip hold so many frames."""
    shape = list(latents.shape) if isinstance(latents, Tensor) else []
    clip = shape[1:] if len(shape) == 5 and shape[0] == 1 else shape
    if len(clip) != 4 or clip[0] != channels or 0 in clip:
        raise VeraError(f"latents of a clip are [{channels}, frames, height, width], not {_shape(latents)}")
    check_states(latents, "latents")
    most = 1 + (clip[1] - 1) * stride
    if not _is_whole(frames) or not 1 <= frames <= most:
        raise VeraError(f"latents of {clip[1]} latent frames hold 1 to {most} frames, not {frames}")


def check_frames(frames: Tensor, stride: int) -> None:
    """Raise VeraError unless frames are [T,H,W,3] or, as grey, [T,H,W], with sides that the autoencoder can code."""
    shape = list(frames.shape)
    if frames.ndim not in (3, 4) or (frames.ndim == 4) != (shape[-1] == 3):
        raise VeraError(f"the clip is [frames, height, width, 3], or without the 3 if it is grey, not {shape}")
    check_size((shape[2], shape[1]), (stride, stride))


def check_total(frames: Any) -> int:
    """Return how many frames a clip has. Raises VeraError for what is no such number."""
    if not _is_whole(frames) or frames < 1:
        raise VeraError(f"a clip has one frame or more, not {frames}")
    return int(frames)


def check_held(tensor: Tensor, name: str) -> None:
    """Raise VeraError for a tensor without values, on meta, and for one that does not hold each of them."""
    if tensor.is_meta:
        raise VeraError(f"{name} is on the device meta, where tensors have no values: make it on another")
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested:
        raise VeraError(f"{name} is sparse, quantized or nested: give a dense tensor")


def check_states(tensor: Tensor, name: str) -> None:
    """Raise VeraError unless the tensor holds finite floats."""
    check_held(tensor, name)
    if not tensor.is_floating_point():
        raise VeraError(f"{name} are {str(tensor.dtype).removeprefix('torch.')}: give floats")
    if not torch.isfinite(tensor).all():
        raise VeraError(f"{name} has NaN or infinite values: look where they come from")


def check_answer(values: Tensor) -> None:
    """Raise VeraError if a network answers with what is no number, as one whose training diverged does."""
    if not math.isfinite(float(values.sum(dtype=torch.float32))):  # far cheaper than to look at every value
        raise VeraError(
            "the model gave values that are no numbers: its weights are damaged, its training diverged, "
            "its dtype is too narrow, or the scheduler is set to what it cannot do"
        )


def check_generators(generator: Any, count: int) -> None:
    """Raise VeraError unless there is one generator, or one for each of the `count` videos that are sampled."""
    many = isinstance(generator, list)
    if generator is not None and any(
        not isinstance(one, torch.Generator) for one in (generator if many else [generator])
    ):
        raise VeraError("generator is a torch.Generator or a list of them, as `torch.Generator().manual_seed(0)` gives")
    if many and len(generator) != count:
        raise VeraError(f"there are {len(generator)} generators for {count} videos: give one, or one for each")


def check_latents(latents: Any, shape: Sequence[int]) -> None:
    """Raise VeraError unless the noise has this shape."""
    if not isinstance(latents, Tensor) or tuple(latents.shape) != tuple(shape):
        raise VeraError(f"latents are {_shape(latents)}, this call needs {list(shape)}")
    check_states(latents, "latents")


def check_source_latents(
    video: Any,
    mask: Any,
    height: int | None,
    source: Any,
    mask_latents: Any,
    num_frames: int | None,
    pipeline: Any,
) -> None:
    """Raise VeraError unless latents of a source, and perhaps of a mask, stand in for the frames."""
    if (video is None) == (source is None):
        raise VeraError("give either video or source_latents, not both or neither")
    if mask is not None or height is not None:
        raise VeraError("mask, height and width go with video: of latents give mask_latents, of the size they have")
    config = pipeline.transformer.config
    channels, patch = getattr(config, "in_channels", pipeline.vae.config.z_dim), list(config.patch_size)
    if not isinstance(source, Tensor) or source.ndim != 5 or source.shape[1] != channels or 0 in source.shape:
        raise VeraError(f"source_latents are [clips, {channels}, frames, height, width], not {_shape(source)}")
    shape = list(source.shape)
    if any(side % stride for side, stride in zip(shape[2:], patch, strict=True)):
        raise VeraError(f"source_latents of {shape[2:]} are no multiples of the model's patch {patch}")
    check_states(source, "source_latents")
    if mask_latents is not None:
        fits = isinstance(mask_latents, Tensor) and list(mask_latents.shape) in (shape, [1, *shape[1:]])
        if not fits:
            raise VeraError(f"mask_latents are {_shape(mask_latents)}, source_latents {shape}: make them equal")
        check_states(mask_latents, "mask_latents")
    stride = pipeline.vae_scale_factor_temporal
    if num_frames is not None and (num_frames < 1 or latent_length(num_frames, stride) != shape[2]):
        raise VeraError(f"num_frames {num_frames} does not fit source_latents of {shape[2]} latent frames")


def check_networks(transformer: Any, vae: Any, text_encoder: Any, composite: bool) -> None:
    """Raise VeraError for networks that were exchanged for some that do not belong together."""
    if transformer is None:
        raise VeraError("this pipeline has no transformer: load it with one, or set pipeline.transformer")
    check_vae(vae)
    branches = getattr(transformer.config, "branches", None)
    if branches is None:
        raise VeraError(
            f"the transformer, {type(transformer).__name__}, has no layers: load one of Vera's, or convert it"
        )
    if composite and "composite" not in branches:
        raise VeraError("this model has no composite branch: do not ask for the composite")
    channels, coded = getattr(transformer.config, "in_channels", None), getattr(vae.config, "z_dim", None)
    if channels is not None and channels != coded:
        raise VeraError(f"the transformer reads latents of {channels} channels, the autoencoder makes {coded}")
    width = getattr(transformer.config, "text_dim", None)
    encoded = width if text_encoder is None else getattr(text_encoder.config, "hidden_size", width)
    if width is not None and width != encoded:
        raise VeraError(f"the text encoder's states have {encoded} numbers, the transformer reads {width}")


def check_vae(vae: Any) -> None:
    """Raise VeraError unless there is an autoencoder."""
    if vae is None:
        raise VeraError("this pipeline has no vae: load it with one, or set pipeline.vae")


def check_scheduler(scheduler: Any) -> None:
    """Raise VeraError unless the scheduler follows a flow from noise, at time 1000, to what is clean, at time 0."""
    if scheduler is None:
        raise VeraError("this pipeline has no scheduler: load it with one, or set pipeline.scheduler")
    name, config = type(scheduler).__name__, getattr(scheduler, "config", {})
    told = config.get("prediction_type") == "flow_prediction" and config.get("use_flow_sigmas")
    if not (told or name.startswith("FlowMatch")):
        raise VeraError(
            f"{name}, as it is set, does not follow the flow that this model predicts: make it with "
            'prediction_type="flow_prediction", use_flow_sigmas=True and flow_shift'
        )
    if not hasattr(scheduler, "set_begin_index"):
        raise VeraError(f"{name} lacks set_begin_index, so that this model cannot be sampled with it: take another")
    if config.get("thresholding"):
        raise VeraError(f"{name} with thresholding cuts latents as if they were pixels: set thresholding=False")
    if config.get("use_dynamic_shifting") or config.get("invert_sigmas"):
        raise VeraError(f"{name} with use_dynamic_shifting or invert_sigmas is not what this model learnt: set a shift")
    if config.get("num_train_timesteps", 1000) != 1000:
        raise VeraError(f"{name} counts time up to {config['num_train_timesteps']}, this model up to 1000: make it so")


def check_sigmas(sigmas: Any, scheduler: str) -> None:
    """Raise VeraError unless the noise levels of a run fall from at most 1 to at least 0."""
    levels = [float(sigma) for sigma in sigmas]
    if not all(0 <= level <= 1 for level in levels) or levels != sorted(levels, reverse=True):  # NaN is neither
        some = ", ".join(f"{level:g}" for level in levels[:3])
        raise VeraError(f"{scheduler}: its sigmas ({some}, ...) do not fall from 1 to 0: set another shift")


def check_arrival(scheduler: Any, step_kwargs: Mapping[str, Any]) -> None:
    """Raise VeraError unless the steps that are set, along a straight flow whose clean end is known, arrive there.

    Some settings fail only in `step`, others leave noise at the end and do not say so.
    """
    name, walked = type(scheduler).__name__, deepcopy(scheduler)
    clean = 2.0  # what thresholding would cut
    x = torch.full((1,) * 6, 1.0, device=walked.timesteps.device)
    try:
        for index, time in enumerate(walked.timesteps):
            velocity = (x - clean) / walked.sigmas[index].item()
            x = walked.step(velocity, time, x, **step_kwargs, return_dict=False)[0]
    except Exception as error:  # of whatever kind each scheduler raises for its own settings
        raise VeraError(f"{name} does not work as it is set: {first_line(error)}") from error
    if left := float(walked.sigmas[-1]):
        raise VeraError(f'{name} ends with {left:.2g} of the noise: set final_sigmas_type="zero", or take another')
    if not abs(x.item() - clean) < ARRIVED:  # NaN is not
        raise VeraError(f"{name}, as it is set, goes astray from a straight flow: leave its settings, or take another")


def check_unmoved(scheduler: Any, step: int) -> None:
    """Raise VeraError unless the scheduler is where this run has left it, before step number `step`."""
    if (scheduler.step_index or 0) != step:
        raise VeraError(
            "the scheduler was set anew while a run used it, by a callback or by another call: each call that runs "
            "at the same time needs a pipeline with a scheduler of its own, as VeraPipeline.from_pipe makes with one"
        )


def check_changed(tensors: Mapping[str, Tensor | None], changed: Any, device: torch.device) -> dict[str, Any]:
    """Return `tensors` with what a callback gave back in their place. Raises VeraError for what does not fit."""
    if not isinstance(changed, Mapping | None):
        raise VeraError(f"the callback gives back {type(changed).__name__}: it is a dict of the tensors to go on with")
    changed = changed or {}
    checked: dict[str, Any] = dict(tensors)
    for name, before in tensors.items():
        after = changed.get(name, before)
        if after is before or (after is None and name == "negative_prompt_embeds"):
            checked[name] = after
            continue
        known = before if before is not None else tensors["prompt_embeds"]
        assert known is not None
        fixed = slice(None) if name == "latents" else slice(0, None, 2)  # a text may have more or fewer tokens
        alike = isinstance(after, Tensor) and after.ndim == known.ndim and after.shape[fixed] == known.shape[fixed]
        if not alike or 0 in after.shape:
            raise VeraError(f"the callback gives back {name} as {_shape(after)}; they are {list(known.shape)}")
        check_states(after, f"the callback's {name}")
        checked[name] = after.to(device, known.dtype)
    return checked


def check_negatives(negatives: Tensor | None, count: int) -> None:
    """Raise VeraError unless there is one negative prompt, or one for each of the `count` videos."""
    if negatives is not None and negatives.shape[0] not in (1, count):
        raise VeraError(f"there are {negatives.shape[0]} negative prompts for {count} videos: make them equal, or one")


def batch_size(**counts: int) -> int:
    """Return the number that all counts are, but for those that are 1. Raises VeraError if there are several."""
    found = {count for count in counts.values() if count != 1}
    if len(found) > 1:
        given = " and ".join(f"{count} {name}" for name, count in counts.items())
        raise VeraError(f"{given} make no batch: give as many of each, or one for all")
    return found.pop() if found else 1


def _texts(value: Any, name: str) -> list[str]:
    texts = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or (value is not None and not texts):
        raise VeraError(f"the {name} is a text or a list of texts, not {_kind(value)}")
    for text in texts:
        if not isinstance(text, str):
            raise VeraError(f"the {name} is a text or a list of texts, not of {type(text).__name__}")
    return list(texts)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    return "an empty list" if isinstance(value, list | tuple) else type(value).__name__


def _shape(value: Any) -> str:
    return str(list(value.shape)) if isinstance(value, Tensor) else type(value).__name__

"""What a callback may change between steps, and when it counts."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UniPCMultistepScheduler
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback, SDCFGCutoffCallback

from vera import VeraError
from vera.pipelines import VeraPipeline

MakePipeline = Callable[..., VeraPipeline]
TEXT = "add a red balloon"
VIDEO = np.random.default_rng(0).integers(0, 256, (5, 32, 48, 3), dtype=np.uint8)
STEPS = 3

pytestmark = pytest.mark.faults


def edit(pipeline: VeraPipeline, change: Any = None, **call: Any) -> torch.Tensor:
    call = {"prompt": TEXT, "num_inference_steps": STEPS} | call
    output = pipeline(
        VIDEO, generator=torch.Generator().manual_seed(0), callback_on_step_end=change, output_type="latent", **call
    )
    frames: torch.Tensor = output.frames
    return frames


def after(step: int, **values: Any) -> Callable[..., dict[str, Any]]:
    """A callback that sets attributes of the pipeline after a step."""

    def change(pipeline: VeraPipeline, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        if index == step:
            vars(pipeline).update(values)
        return {}

    return change


@pytest.mark.parametrize("off", [0.0, 0.5, 1.0])
def test_guidance_that_ends_is_the_conditional_alone(make_pipeline: MakePipeline, off: float) -> None:
    pipeline = make_pipeline()
    asked = count_forwards(pipeline)
    ended = edit(pipeline, after(0, _guidance_scale=off), guidance_scale=3.0)
    assert len(asked) == 2 + (STEPS - 1)
    one_step = [latents.clone() for latents in trace(pipeline, guidance_scale=3.0)]
    alone = [latents.clone() for latents in trace(pipeline, guidance_scale=1.0, from_step=(0, one_step[0]))]
    assert torch.equal(ended, alone[-1])


def test_guidance_of_the_whole_run_that_ended_at_once_is_none(make_pipeline: MakePipeline) -> None:
    """Its first step is the same, where both texts say the same; so is all that follows."""
    pipeline = make_pipeline()
    ended = edit(pipeline, after(0, _guidance_scale=0.0), guidance_scale=3.0, negative_prompt=TEXT)
    assert torch.equal(ended, edit(pipeline, guidance_scale=1.0))


@pytest.mark.parametrize("negative", [None, "red red"])
def test_guidance_that_begins_has_its_negative_prompt(make_pipeline: MakePipeline, negative: str | None) -> None:
    pipeline = make_pipeline()
    begun = edit(pipeline, after(0, _guidance_scale=3.0), guidance_scale=1.0, negative_prompt=negative)
    plain = trace(pipeline, guidance_scale=1.0)[0]
    guided = trace(pipeline, guidance_scale=3.0, negative_prompt=negative, from_step=(0, plain))
    assert torch.equal(begun, guided[-1])
    assert not torch.equal(begun, edit(pipeline, guidance_scale=1.0))


@pytest.mark.parametrize("negative", [None, "red red", ["red red", ""]])
def test_guidance_that_begins_in_a_batch(make_pipeline: MakePipeline, negative: Any) -> None:
    pipeline = make_pipeline()
    call = {"prompt": [TEXT, TEXT], "negative_prompt": negative, "num_videos_per_prompt": 2}
    begun = edit(pipeline, after(0, _guidance_scale=3.0), guidance_scale=1.0, **call)
    one_step = trace(pipeline, guidance_scale=1.0, **call)[0]
    assert torch.equal(begun, trace(pipeline, guidance_scale=3.0, from_step=(0, one_step), **call)[-1])


def test_a_scale_that_changes_counts_at_the_next_step(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    changed = edit(pipeline, after(0, _guidance_scale=7.0), guidance_scale=3.0)
    first = trace(pipeline, guidance_scale=3.0)[0]
    assert torch.equal(changed, trace(pipeline, guidance_scale=7.0, from_step=(0, first))[-1])


def test_every_call_begins_anew(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    expected = edit(pipeline)
    edit(pipeline, after(0, _guidance_scale=0.0, _interrupt=True, _attention_kwargs={"scale": 0.5}))
    assert torch.equal(edit(pipeline), expected)
    assert pipeline.guidance_scale == 3.0 and not pipeline.interrupt and pipeline.attention_kwargs is None


@pytest.mark.parametrize("name", ["prompt_embeds", "negative_prompt_embeds"])
def test_texts_may_be_exchanged(make_pipeline: MakePipeline, name: str) -> None:
    pipeline = make_pipeline()
    other = pipeline.encode_prompt("red red red", do_classifier_free_guidance=False)[0]

    def exchange(pipe: VeraPipeline, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        assert set(tensors) == {name} and tensors[name].shape == other.shape
        return {name: other}

    exchanged = edit(pipeline, exchange, callback_on_step_end_tensor_inputs=[name])
    first = trace(pipeline)[0]
    given = {"prompt": None} if name == "prompt_embeds" else {}
    assert torch.equal(exchanged, trace(pipeline, from_step=(0, first), **given, **{name: other})[-1])


def test_the_cutoffs_of_diffusers_work(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    cutoff = SDCFGCutoffCallback(cutoff_step_index=0, cutoff_step_ratio=None)
    assert torch.equal(edit(pipeline, cutoff), edit(pipeline, after(0, _guidance_scale=0.0)))
    assert torch.equal(edit(pipeline, MultiPipelineCallbacks([cutoff])), edit(pipeline, cutoff))


def test_a_callback_of_diffusers_names_what_it_sees(make_pipeline: MakePipeline) -> None:
    class Peek(PipelineCallback):
        tensor_inputs = ("latents", "negative_prompt_embeds")

        def callback_fn(self, pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            seen.append(sorted(tensors))
            return tensors

    seen: list[list[str]] = []
    edit(make_pipeline(), Peek())
    assert seen == [["latents", "negative_prompt_embeds"]] * STEPS


FITTING = torch.zeros(1, 3, 4, 2, 4, 6)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"latents": torch.zeros(1, 3, 4, 1, 4, 6)}, "gives back latents as"),
        ({"latents": None}, "gives back latents as NoneType"),
        ({"latents": FITTING.numpy()}, "gives back latents as ndarray"),
        ({"latents": FITTING.int()}, "latents are int32: give floats"),
        ({"latents": FITTING.to(torch.complex64)}, "latents are complex64: give floats"),
        ({"latents": FITTING + float("nan")}, "callback's latents has NaN"),
        ({"prompt_embeds": torch.zeros(2, 8, 16)}, "gives back prompt_embeds as"),
        ({"prompt_embeds": torch.zeros(1, 0, 16)}, "gives back prompt_embeds as"),
        ({"negative_prompt_embeds": torch.ones(1, 8, 16, dtype=torch.bool)}, "are bool: give floats"),
    ],
)
def test_what_does_not_fit_is_refused(make_pipeline: MakePipeline, given: dict[str, Any], words: str) -> None:
    with pytest.raises(VeraError, match=words):
        edit(make_pipeline(), lambda *seen: given)


MOVES: dict[str, Callable[[VeraPipeline], Any]] = {
    "timesteps": lambda pipeline: pipeline.scheduler.set_timesteps(9),
    "preview": lambda pipeline: pipeline(VIDEO, TEXT, num_inference_steps=1),
    "the same call": lambda pipeline: edit(pipeline),
    "another": lambda pipeline: setattr(pipeline, "scheduler", copy.deepcopy(pipeline.scheduler)),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("kind", ["euler", "unipc"])
def test_a_scheduler_is_not_moved_during_a_run(make_pipeline: MakePipeline, move: str, kind: str) -> None:
    """Two threads that share a pipeline do the same to each other: steps of one at the times of the other."""
    scheduler = None
    if kind == "unipc":
        scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    pipeline = make_pipeline(scheduler=scheduler)
    expected = edit(pipeline)

    def change(pipeline: VeraPipeline, index: int, *seen: Any) -> dict[str, Any]:
        if index == 1:
            MOVES[move](pipeline)
            if move == "another":
                pipeline.scheduler.set_timesteps(STEPS)
        return {}

    with pytest.raises(VeraError, match="the scheduler was set anew while a run used it"):
        edit(pipeline, change)
    assert torch.equal(edit(pipeline), expected)


def test_a_callback_may_call_a_pipeline_with_a_scheduler_of_its_own(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    other = VeraPipeline.from_pipe(pipeline, scheduler=copy.deepcopy(pipeline.scheduler))
    expected = edit(pipeline)

    def preview(*seen: Any) -> dict[str, Any]:
        edit(other)
        return {}

    assert torch.equal(edit(pipeline, preview), expected)


def test_halves_stay_float32(make_pipeline: MakePipeline) -> None:
    halves = edit(make_pipeline(), lambda pipe, step, t, tensors: {"latents": tensors["latents"].half()})
    assert halves.dtype == torch.float32


def test_a_callback_may_return_nothing(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    assert torch.equal(edit(pipeline, lambda *seen: None), edit(pipeline))
    assert torch.equal(edit(pipeline, lambda *seen: {}, callback_on_step_end_tensor_inputs=None), edit(pipeline))


def count_forwards(pipeline: VeraPipeline) -> list[int]:
    calls: list[int] = []
    pipeline.transformer.register_forward_hook(lambda *seen: calls.append(1))
    return calls


def trace(pipeline: VeraPipeline, from_step: tuple[int, torch.Tensor] | None = None, **call: Any) -> list[torch.Tensor]:
    """The latents after every step; `from_step` puts others in place of those after a step, and so of all before."""
    seen: list[torch.Tensor] = []

    def look(pipe: VeraPipeline, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        latents = from_step[1] if from_step is not None and index == from_step[0] else tensors["latents"]
        seen.append(latents)
        return {"latents": latents}

    edit(pipeline, look, **call)
    return seen

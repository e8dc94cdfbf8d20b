"""`VeraPipeline` on tiny random networks."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    ConfigMixin,
    DPMSolverMultistepScheduler,
    DPMSolverSinglestepScheduler,
    FlowMatchEulerDiscreteScheduler,
    FlowMatchLCMScheduler,
    ModelMixin,
    UniPCMultistepScheduler,
)
from diffusers.configuration_utils import register_to_config

from vera import VeraError
from vera.pipelines import VeraPipeline, VeraPipelineOutput
from vera.pipelines.sampling import spans

MakePipeline = Callable[..., VeraPipeline]
TEXT = "add a red balloon"


def clip(frames: int = 5, height: int = 32, width: int = 48) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def arrays(output: VeraPipelineOutput) -> list[np.ndarray]:
    return [np.asarray(layer) for layer in (output.edit, output.alpha, output.composite) if layer is not None]


def same(one: VeraPipelineOutput, other: VeraPipelineOutput) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(arrays(one), arrays(other), strict=True))


class KnownVelocity(ModelMixin, ConfigMixin):
    """A denoiser that answers what `velocity(x, t)` says, and counts how often it is asked.

    It stands in for a trained network, whose answer no test could know.
    """

    @register_to_config
    def __init__(self, branches: tuple[str, ...] = ("edit", "alpha", "composite")) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.register_to_config(patch_size=(1, 2, 2))
        self.velocity: Any = None
        self.calls: list[SimpleNamespace] = []

    def cache_context(self, name: str, **where: Any) -> Any:
        return nullcontext()

    def forward(self, hidden_states: Any, timestep: Any, **inputs: Any) -> tuple[torch.Tensor]:
        self.calls.append(SimpleNamespace(x=hidden_states, t=timestep, **inputs))
        return (self.velocity(hidden_states, float(timestep[0]) / 1000),)


# What comes out


@pytest.mark.parametrize("vae", ["wan", "patch"])
@pytest.mark.parametrize("text", ["umt5", "bert"])
def test_layers_have_the_shape_of_the_clip(make_pipeline: MakePipeline, vae: str, text: str) -> None:
    output = make_pipeline(vae, text)(clip(), TEXT, generator=seeded(), output_composite=True)
    edit, alpha, composite = arrays(output)
    assert edit.shape == composite.shape == (5, 32, 48, 3)
    assert alpha.shape == (5, 32, 48)
    for layer in (edit, alpha, composite):
        assert layer.dtype == np.float32
        assert layer.min() >= 0 and layer.max() <= 1 and layer.std() > 0


@pytest.mark.parametrize("frames", [1, 2, 4, 5, 6, 9, 10, 23])
def test_any_number_of_frames(make_pipeline: MakePipeline, frames: int) -> None:
    output = make_pipeline()(clip(frames), TEXT, generator=seeded())
    assert output.edit.shape == (frames, 32, 48, 3)
    assert output.alpha.shape == (frames, 32, 48)


def test_a_clip_is_padded_by_its_last_frame(make_pipeline: MakePipeline) -> None:
    pipeline, video = make_pipeline(), clip(7)
    padded = pipeline(np.concatenate([video, video[-1:], video[-1:]]), TEXT, generator=seeded())
    output = pipeline(video, TEXT, generator=seeded())
    assert np.array_equal(output.edit, padded.edit[:7])


def test_output_types_agree(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline("wan")
    arrays_out, tensors, latents = (
        pipeline(clip(), TEXT, generator=seeded(), output_type=kind) for kind in ("np", "pt", "latent")
    )
    assert np.array_equal(arrays_out.edit, tensors.edit.numpy())
    assert latents.edit.shape == (4, 2, 4, 6)
    with torch.no_grad():
        assert torch.equal(pipeline.decode_latents(latents.alpha[None], 5).mean(-1), tensors.alpha)
    edit, alpha, composite = pipeline(clip(), TEXT, generator=seeded(), return_dict=False)
    assert np.array_equal(edit, arrays_out.edit) and np.array_equal(alpha, arrays_out.alpha) and composite is None


# Determinism


def test_the_generator_decides(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    one, again, other = (pipeline(clip(), TEXT, generator=seeded(seed)) for seed in (1, 1, 2))
    assert same(one, again)
    assert not np.array_equal(one.edit, other.edit)


FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}


@pytest.mark.parametrize(
    "scheduler",
    [
        FlowMatchLCMScheduler(shift=3.0),
        FlowMatchEulerDiscreteScheduler(shift=3.0, stochastic_sampling=True),
        DPMSolverMultistepScheduler(**FLOW, algorithm_type="sde-dpmsolver++"),
        DPMSolverSinglestepScheduler(**FLOW, algorithm_type="sde-dpmsolver++"),
    ],
    ids=lambda scheduler: type(scheduler).__name__,
)
def test_the_generator_decides_what_schedulers_add(make_pipeline: MakePipeline, scheduler: Any) -> None:
    pipeline = make_pipeline(scheduler=scheduler)
    noise = torch.randn(2, 3, 4, 2, 4, 6, generator=seeded())

    def edit(*seeds: int) -> VeraPipelineOutput:
        generators = [seeded(seed) for seed in seeds]
        return pipeline(clip(), [TEXT, TEXT], latents=noise, num_inference_steps=6, generator=generators)

    one, again, other = edit(1, 2), edit(1, 2), edit(1, 3)
    assert same(one, again)
    assert np.array_equal(one.edit[0], other.edit[0]) and not np.array_equal(one.edit[1], other.edit[1])


def test_given_latents_are_the_noise(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    noise = torch.randn(1, 3, 4, 2, 4, 6, generator=seeded(3))
    assert same(pipeline(clip(), TEXT, latents=noise), pipeline(clip(), TEXT, generator=seeded(3)))
    with pytest.raises(VeraError, match="latents"):
        pipeline(clip(), TEXT, latents=noise[:, :2])


@pytest.mark.parametrize("change", ["video", "text", "negative", "mask", "guidance", "steps"])
def test_every_input_has_a_say(make_pipeline: MakePipeline, change: str) -> None:
    pipeline = make_pipeline()
    inputs: dict[str, Any] = {"video": clip(), "instruction": TEXT}
    before = pipeline(**inputs, generator=seeded())
    changes: dict[str, dict[str, Any]] = {
        "video": {"video": 255 - clip()},
        "text": {"instruction": "a balloon"},
        "negative": {"negative_prompt": "red red"},
        "mask": {"mask": np.ones((5, 32, 48), bool)},
        "guidance": {"guidance_scale": 4.0},
        "steps": {"num_inference_steps": 3},
    }
    assert not np.array_equal(before.edit, pipeline(**inputs | changes[change], generator=seeded()).edit)


@pytest.mark.parametrize("vae", ["wan", "patch"])
def test_save_and_load(make_pipeline: MakePipeline, tmp_path: Path, vae: str) -> None:
    pipeline = make_pipeline(vae)
    pipeline.save_pretrained(tmp_path)
    loaded = VeraPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert loaded.config.window_frames == 9 and loaded.config.guidance_scale == 3.0
    assert same(pipeline(clip(), TEXT, generator=seeded()), loaded(clip(), TEXT, generator=seeded()))


# Inputs to the networks


def test_frames_survive_the_latents(make_pipeline: MakePipeline) -> None:
    """Encoding normalises by the autoencoder's statistics, decoding undoes it."""
    pipeline = make_pipeline()
    with torch.no_grad():
        latents = pipeline.encode_frames(clip())
        config = pipeline.vae.config
        x = torch.from_numpy(clip()).permute(3, 0, 1, 2)[None] / 127.5 - 1
        raw = pipeline.vae.encode(x).latent_dist.mode()
        mean, std = (torch.tensor(v).view(1, 4, 1, 1, 1) for v in (config.latents_mean, config.latents_std))
        torch.testing.assert_close(latents, (raw - mean) / std, rtol=0, atol=1e-4)
        decoded = pipeline.vae.decode(raw).sample[0].permute(1, 2, 3, 0) / 2 + 0.5
        torch.testing.assert_close(pipeline.decode_latents(latents, 5), decoded.clamp(0, 1), rtol=0, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 8, 9, 10, 21])
def test_pieces_of_a_long_clip_are_exact(
    make_pipeline: MakePipeline, monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    pipeline, video = make_pipeline(), clip(frames)
    with torch.no_grad():
        whole = pipeline.encode_frames(video)
        monkeypatch.setattr(spans, "CODED_TOGETHER", 2)
        pieces = pipeline.encode_frames(video)
        torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-5)
        in_pieces = pipeline.decode_latents(whole, frames)
        monkeypatch.undo()
        torch.testing.assert_close(in_pieces, pipeline.decode_latents(whole, frames), rtol=0, atol=1e-5)


def test_floats_and_tensors_are_as_good_as_bytes(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    expected = pipeline(clip(), TEXT, generator=seeded())
    assert same(expected, pipeline(torch.from_numpy(clip()), TEXT, generator=seeded()))
    assert same(expected, pipeline(clip().astype(np.float32) / 255, TEXT, generator=seeded()))


@pytest.mark.parametrize("text", ["umt5", "bert"])
def test_states_beyond_the_text_are_zero(make_pipeline: MakePipeline, text: str) -> None:
    pipeline = make_pipeline(text=text)
    with torch.no_grad():
        states, empty = pipeline.encode_prompt(f"  {TEXT}\n")
        assert empty is not None and states.shape == empty.shape == (1, 8, 16)
        assert states[0, :4].abs().sum(-1).min() > 0 and states[0, 4:].abs().max() == 0
        longer, _ = pipeline.encode_prompt(TEXT, max_sequence_length=12)
        assert longer.shape[1] == 12 and torch.equal(longer[:, :8], states)
        assert pipeline.encode_prompt(TEXT, do_classifier_free_guidance=False)[1] is None


# Sampling


@pytest.mark.parametrize("shift", [1.0, 3.0])
@pytest.mark.parametrize("unipc", [False, True])
def test_true_velocity_leads_to_the_clean_latents(make_pipeline: MakePipeline, shift: float, unipc: bool) -> None:
    """Where the network knows noise - x0, straight lines end exactly at x0, whatever the steps."""
    noise, clean = torch.randn(2, 1, 3, 4, 2, 4, 6, generator=seeded())
    model = KnownVelocity()
    model.velocity = lambda x, t: noise - clean
    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift, num_train_timesteps=1000
    )
    pipeline = make_pipeline(transformer=model, scheduler=scheduler if unipc else None)
    output = pipeline(clip(), TEXT, latents=noise, num_inference_steps=4, output_type="latent", output_composite=True)
    sampled = torch.stack([output.edit, output.alpha, output.composite])
    # UniPC starts beside t = 1, at 0.999, and takes the noise for what is there.
    torch.testing.assert_close(sampled, clean[0], rtol=0, atol=1e-2 if unipc else 1e-5)


def test_times_run_from_noise_to_clean(make_pipeline: MakePipeline) -> None:
    model = KnownVelocity()
    model.velocity = lambda x, t: torch.zeros_like(x)
    make_pipeline(transformer=model)(clip(), TEXT, num_inference_steps=4, guidance_scale=1.0, generator=seeded())
    times = [float(call.t[0]) for call in model.calls]
    shifted = [1000 * 3 * t / (1 + 2 * t) for t in (1.0, 0.75, 0.5, 0.25)]
    assert times == pytest.approx(shifted)


def test_guidance_leads_away_from_the_unconditional(make_pipeline: MakePipeline) -> None:
    """Conditional velocity 1, unconditional 0.25: with scale 3 the latents move by 0.25 + 3 * 0.75 over unit time."""
    model = KnownVelocity()
    model.velocity = lambda x, t: torch.full_like(x, 1.0 if len(model.calls) % 2 else 0.25)
    noise = torch.randn(1, 3, 4, 2, 4, 6, generator=seeded())
    output = make_pipeline(transformer=model)(clip(), TEXT, latents=noise, output_type="latent")
    torch.testing.assert_close(output.alpha, noise[0, 1] - 2.5)


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_without_guidance_one_forward_a_step(make_pipeline: MakePipeline, scale: float) -> None:
    model = KnownVelocity()
    model.velocity = lambda x, t: x
    pipeline = make_pipeline(transformer=model)
    pipeline(clip(), TEXT, guidance_scale=scale, num_inference_steps=3, generator=seeded())
    assert len(model.calls) == 3 and not pipeline.do_classifier_free_guidance
    pipeline(clip(), TEXT, guidance_scale=1.5, num_inference_steps=3, generator=seeded())
    assert len(model.calls) == 9 and pipeline.do_classifier_free_guidance


def test_guidance_of_equal_texts_is_no_guidance(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    guided = pipeline(clip(), TEXT, negative_prompt=TEXT, guidance_scale=7.0, generator=seeded())
    assert same(guided, pipeline(clip(), TEXT, guidance_scale=1.0, generator=seeded()))


# Windows


def test_a_longer_window_than_the_clip_changes_nothing(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    exact = pipeline(clip(9), TEXT, generator=seeded(), window_frames=9)
    assert same(exact, pipeline(clip(9), TEXT, generator=seeded(), window_frames=81, window_overlap=16))
    assert not same(exact, pipeline(clip(9), TEXT, generator=seeded(), window_frames=5, window_overlap=0))


def test_windows_see_their_part_of_every_input(make_pipeline: MakePipeline) -> None:
    model = KnownVelocity()
    model.velocity = lambda x, t: torch.ones_like(x)
    pipeline = make_pipeline(transformer=model)
    noise = torch.randn(1, 3, 4, 6, 4, 6, generator=seeded())
    mask = np.zeros((21, 32, 48), bool)
    mask[10:] = True
    output = pipeline(
        clip(21), TEXT, mask=mask, latents=noise, guidance_scale=1.0, num_inference_steps=1, output_type="latent"
    )
    with torch.no_grad():
        source, hint = pipeline.encode_frames(clip(21)), pipeline.encode_frames(mask)
    assert len(model.calls) == 3  # 6 latent frames in windows of 3 that share 1 or more
    for call, start in zip(model.calls, (0, 1, 3), strict=True):
        frames = slice(start, start + 3)
        assert torch.equal(call.x, noise[:, :, :, frames])
        assert torch.equal(call.source, source[:, :, frames]) and torch.equal(call.mask, hint[:, :, frames])
    torch.testing.assert_close(output.edit, noise[0, 0] - 1)


# Callbacks


def test_callback_sees_and_changes_the_latents(make_pipeline: MakePipeline) -> None:
    seen = []

    def zero(pipeline: VeraPipeline, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        seen.append((step, float(timestep), set(tensors)))
        return {"latents": torch.zeros_like(tensors["latents"])}

    pipeline = make_pipeline()
    output = pipeline(
        clip(),
        TEXT,
        generator=seeded(),
        output_type="latent",
        callback_on_step_end=zero,
        callback_on_step_end_tensor_inputs=["latents", "prompt_embeds"],
    )
    assert [step for step, _, _ in seen] == [0, 1] and seen[0][1] == 1000
    assert seen[0][2] == {"latents", "prompt_embeds"}
    assert output.edit.abs().max() == 0
    with pytest.raises(VeraError, match="source"):
        pipeline(clip(), TEXT, callback_on_step_end_tensor_inputs=["source"])


def test_callback_interrupts(make_pipeline: MakePipeline) -> None:
    model = KnownVelocity()
    model.velocity = lambda x, t: x

    def stop(pipeline: VeraPipeline, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        pipeline._interrupt = True
        return {}

    pipeline = make_pipeline(transformer=model)
    pipeline(clip(), TEXT, guidance_scale=1.0, num_inference_steps=5, generator=seeded(), callback_on_step_end=stop)
    assert len(model.calls) == 1 and pipeline.interrupt and pipeline.num_timesteps == 5
    pipeline(clip(), TEXT, guidance_scale=1.0, num_inference_steps=5, generator=seeded())
    assert len(model.calls) == 6 and not pipeline.interrupt


# Bad input


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"video": clip()[0]}, "video is"),
        ({"video": clip(0)}, "video is"),
        ({"video": clip(5, 30, 50)}, "nearest size is 48x32"),
        ({"mask": np.zeros((4, 32, 48))}, "mask"),
        ({"mask": np.zeros((5, 32, 32))}, "mask"),
        ({"instruction": " \n"}, "empty"),
        ({"instruction": "balloon " * 2000}, "2000 tokens long, the model reads 8"),
        ({"negative_prompt": "balloon " * 9}, "negative prompt is 9 tokens"),
        ({"num_inference_steps": 0}, "steps"),
        ({"num_inference_steps": 1001}, "steps"),
        ({"guidance_scale": -1.0}, "guidance"),
        ({"guidance_scale": float("nan")}, "guidance"),
        ({"window_frames": 0}, "window"),
        ({"window_frames": 5, "window_overlap": 5}, "window"),
        ({"output_type": "jpg"}, "output_type"),
    ],
)
def test_unusable_input(make_pipeline: MakePipeline, inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(VeraError, match=words):
        make_pipeline()(**{"video": clip(), "instruction": TEXT} | inputs)


def test_composite_of_a_model_without_one(make_pipeline: MakePipeline) -> None:
    model = KnownVelocity(branches=("edit", "alpha"))
    model.velocity = lambda x, t: x
    pipeline = make_pipeline(transformer=model)
    assert pipeline(clip(), TEXT, generator=seeded()).composite is None
    with pytest.raises(VeraError, match="composite"):
        pipeline(clip(), TEXT, output_composite=True)

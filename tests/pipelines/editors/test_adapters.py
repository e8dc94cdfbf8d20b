"""Each adapter on a tiny pipeline of the real class, saved and loaded: what it calls, what it gives back."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.pipelines.editors.tiny import MAKERS

from vera.errors import VeraError
from vera.pipelines.editors.adapters.adapter import Adapter, padded
from vera.pipelines.editors.checks import check_drawn
from vera.pipelines.editors.protocol import ClipWindow, Settings
from vera.pipelines.editors.table import EDITORS, adapter_class

Opened = Callable[[str], Adapter]

# Networks that are called at each step: with the text and without it; LTX-2 also disturbed, and each modality alone.
CALLS = {
    "LucyEditPipeline": 2,
    "WanVACEPipeline": 2,
    "WanVideoToVideoPipeline": 2,
    "WanPipeline": 2,
    "LTX2InContextPipeline": 3,
    "Flux2KleinPipeline": 1,
    "QwenImageEditPipeline": 2,
    "QwenImageEditPlusPipeline": 2,
    "ChronoEditPipeline": 2,
}


def clip(frames: int, side: int = 64, seed: int = 0) -> ClipWindow:
    values = np.random.default_rng(seed).integers(0, 256, (frames, side, side, 3), dtype=np.uint8)
    return ClipWindow(values, 24.0, values[:0])


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Callable[[Adapter], list[int]]:
    """Give `count(editor)`: a list that grows by one for every call of its network."""

    def watch(editor: Adapter) -> list[int]:
        calls: list[int] = []
        forward = editor.pipeline.transformer.forward

        def counted(*args: Any, **kwargs: Any) -> Any:
            calls.append(1)
            return forward(*args, **kwargs)

        monkeypatch.setattr(editor.pipeline.transformer, "forward", counted)
        return calls

    return watch


@pytest.mark.parametrize("pipeline", MAKERS)
def test_edits_every_frame_with_the_steps_that_were_asked_for(
    pipeline: str, opened: Opened, count: Callable[[Adapter], list[int]]
) -> None:
    editor = opened(pipeline)
    calls, told = count(editor), []
    source = clip(1 if editor.traits.still else 7)
    settings = Settings(steps=4 if "Wan" in pipeline else 2, on_step=lambda step, of: told.append((step, of)))
    drawn = check_drawn(editor.edit(source, "add a red balloon", None, 1, settings), source.frames, "it")
    assert drawn.std() > 1, "random weights draw no plain picture"
    steps = 2 if EDITORS[pipeline][0] == "wan" else settings.steps  # video-to-video takes its strength of them
    assert told == [(step, steps) for step in range(1, steps + 1)]
    assert len(calls) == CALLS[pipeline] * steps


@pytest.mark.parametrize("pipeline", MAKERS)
def test_same_seed_same_frames(pipeline: str, opened: Opened) -> None:
    editor = opened(pipeline)
    source = clip(1 if editor.traits.still else 5)
    settings = Settings(steps=2, guidance=1.0)
    first, second, other = (editor.edit(source, "add a red balloon", None, seed, settings) for seed in (3, 3, 4))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("pipeline", MAKERS)
def test_the_picture_and_the_text_have_a_say(pipeline: str, opened: Opened) -> None:
    editor = opened(pipeline)
    frames = 1 if editor.traits.still else 5
    settings = Settings(steps=2, guidance=1.0)
    one = editor.edit(clip(frames), "add a red balloon", None, 0, settings)
    assert not np.array_equal(one, editor.edit(clip(frames, seed=1), "add a red balloon", None, 0, settings))
    assert not np.array_equal(one, editor.edit(clip(frames), "balloon", None, 0, settings))


@pytest.mark.parametrize("pipeline", MAKERS)
def test_traits_are_possible(pipeline: str, opened: Opened) -> None:
    traits = opened(pipeline).traits
    assert traits.window == 1 or (traits.window - 1) % traits.step == 0
    assert 0 <= traits.overlap < traits.window
    assert traits.still == (traits.rate is None)
    assert not traits.continues or traits.masked, "what is known is given as a mask"


@pytest.mark.parametrize("pipeline", ["LucyEditPipeline", "WanVACEPipeline", "WanVideoToVideoPipeline"])
def test_guidance_one_needs_no_empty_text(pipeline: str, opened: Opened, count: Callable[[Adapter], list[int]]) -> None:
    editor = opened(pipeline)
    calls = count(editor)
    editor.edit(clip(1), "balloon", None, 0, Settings(steps=4, guidance=1.0))
    assert len(calls) == (2 if "VideoToVideo" in pipeline else 4)


def test_a_distilled_model_takes_few_steps(opened: Opened) -> None:
    editor = opened("Flux2KleinPipeline")
    assert (editor.traits.steps, editor.traits.guidance) == (4, 1.0)
    editor.pipeline.register_to_config(is_distilled=False)
    assert (editor.traits.steps, editor.traits.guidance) == (50, 4.0)


def test_text_that_is_too_long_is_told(opened: Opened) -> None:
    with pytest.raises(VeraError, match=r"600 tokens long, the model reads 512"):
        opened("LucyEditPipeline").check_text("balloon " * 600)


def test_a_network_of_another_task_is_no_video_to_video(opened: Opened) -> None:
    editor = opened("LucyEditPipeline")  # its network sees the source's channels too
    with pytest.raises(VeraError, match="text-to-video model"):
        adapter_class("WanPipeline", "test")(editor.pipeline)


def test_the_shift_goes_with_the_size(opened: Opened) -> None:
    from vera.pipelines.editors.adapters.wan import with_shift

    pipeline = opened("WanVACEPipeline").pipeline
    for pixels, shift in ((832 * 480, 3.0), (1280 * 720, 5.0), (832 * 480, 3.0)):
        with_shift(pipeline, pixels)
        assert pipeline.scheduler.config.flow_shift == shift


def test_a_sampler_by_name(opened: Opened) -> None:
    editor, source = opened("LucyEditPipeline"), clip(1)
    own, euler = (editor.edit(source, "balloon", None, 0, Settings(steps=3, sampler=name)) for name in (None, "euler"))
    assert not np.array_equal(own, euler)
    assert type(editor.pipeline.scheduler).__name__ == "UniPCMultistepScheduler", "as it was"
    with pytest.raises(VeraError, match="Flux2KleinPipeline samples by a schedule of its own: leave out --sampler"):
        opened("Flux2KleinPipeline").edit(source, "balloon", None, 0, Settings(sampler="euler"))


def test_padding_repeats_the_last_frame() -> None:
    frames = np.arange(7)[:, None]
    assert padded(frames, 4)[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 6, 6]
    assert padded(frames[:5], 4) is not None and len(padded(frames[:5], 4)) == 5
    assert len(padded(frames[:1], 8)) == 1


def test_what_the_pipeline_refuses_is_one_line(opened: Opened) -> None:
    small = clip(1, 32)
    with pytest.raises(VeraError, match="Flux2KleinPipeline refuses this edit: Image too small"):
        opened("Flux2KleinPipeline").edit(small, "balloon", None, 0, Settings(steps=1))


def test_no_class_is_known_of_others() -> None:
    with pytest.raises(VeraError, match="StableDiffusionPipeline is neither a Vera pipeline nor an editor"):
        adapter_class("StableDiffusionPipeline", "model x")


def test_only_the_adapter_that_is_needed_is_imported() -> None:
    program = """
import sys
from vera.pipelines.editors.table import EDITORS, adapter_class
def loaded():
    names = [name for name in sys.modules if name.startswith("vera.pipelines.editors.adapters.")]
    return sorted(name.rpartition(".")[2] for name in names)
assert loaded() == ["adapter"], loaded()  # what they share
adapter_class("LucyEditPipeline", "x")
assert loaded() == ["adapter", "lucy"], loaded()
assert not [name for name in sys.modules if "pipeline_lucy_edit" in name or "pipeline_wan" in name]
"""
    subprocess.run([sys.executable, "-c", program], check=True)

"""nano's student is what an edit takes, unless the model itself is asked for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from vera import VeraError
from vera.pipelines import Acceleration, ModelChoice, Sampling, edit, load_pipeline
from vera.pipelines.footage import draw
from vera.pipelines.footage.student import with_student

ClipMaker = Callable[..., Path]
NANO, PLAIN = ModelChoice("nano"), Sampling(seed=3)


def test_the_student_comes_with_its_steps_and_without_guidance() -> None:
    model, sampling = with_student(NANO, PLAIN, quality=False)
    assert model == replace(NANO, lora=("nano-8-steps",))
    assert sampling == replace(PLAIN, steps=8, guidance=1.0)


@pytest.mark.parametrize(
    ("model", "sampling", "quality"),
    [
        (NANO, PLAIN, True),
        (NANO, replace(PLAIN, steps=12), False),
        (NANO, replace(PLAIN, guidance=2.0), False),
        (replace(NANO, lora=("look.safetensors",)), PLAIN, False),
        (ModelChoice("some/folder"), PLAIN, False),
    ],
)
def test_who_asks_for_something_of_the_model_gets_the_model(
    model: ModelChoice, sampling: Sampling, quality: bool
) -> None:
    assert with_student(model, sampling, quality) == (model, sampling)


def test_quality_of_a_model_without_a_student_is_refused(make_clip: ClipMaker, tiny_model: Path) -> None:
    with pytest.raises(VeraError, match=r"quality is for models with a faster student \(nano\), not"):
        edit(make_clip("a.mkv", 1), "add a balloon", model=tiny_model, quality=True)
    with pytest.raises(VeraError, match="leave out quality, or the pipeline"):
        edit(make_clip("a.mkv", 1), "add a balloon", pipeline=load_pipeline(str(tiny_model)), quality=True)


@pytest.mark.parametrize(
    ("options", "expected", "words"),
    [
        ({}, (["nano-8-steps"], True, 8, 1.0), "fast student"),
        ({"acceleration": Acceleration(quantize="fp8")}, (["nano-8-steps"], False, 8, 1.0), "fast student"),
        ({"quality": True}, ([], False, 12, 2.0), "draws layers itself; task"),
    ],
)
def test_the_manifest_says_which_it_was(
    make_clip: ClipMaker, options: dict[str, Any], expected: tuple[Any, ...], words: str
) -> None:
    done = edit(make_clip("a.mkv", 1), "Add a balloon on the left", size=(64, 48), device="cpu", **options)
    assert done.edit is not None
    about = done.edit.metadata
    assert (about["lora"], about["lora_fused"], about["steps"], about["guidance"]) == expected
    assert words in done.choice


@pytest.mark.faults
@pytest.mark.parametrize(
    ("offload", "fused"), [("none", True), ("model", True), ("group", True), ("sequential", False)]
)
def test_the_student_is_not_fused_where_that_would_lose_it(
    monkeypatch: pytest.MonkeyPatch, offload: Any, fused: bool
) -> None:
    pipeline = MagicMock()
    monkeypatch.setattr(draw, "load_pipeline", lambda *given: pipeline)
    model = replace(NANO, lora=("nano-8-steps",), acceleration=Acceleration(offload=offload))
    draw.load_model(MagicMock(model=model))
    assert pipeline.fuse_lora.called == fused

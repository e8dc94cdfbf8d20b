"""The numbers of answers whose faults are known."""

from dataclasses import replace

import numpy as np
import pytest

from vera.data.sample import LayeredSample
from vera.data.synthesis.cases import EvaluationCase
from vera.evaluation.cases.case import synthetic_case
from vera.evaluation.cases.frames import CaseFrames
from vera.evaluation.predictions import measure as measuring
from vera.evaluation.predictions.hits import Galleries
from vera.evaluation.predictions.measured import Measured
from vera.evaluation.predictions.metrics import HELD_OUT, choose_metrics
from vera.evaluation.predictions.predict import blend_frames
from vera.evaluation.predictions.prediction import Prediction
from vera.metrics.objects import to_alpha
from vera.metrics.recognition.features import Pictures, Vectors, unit_vectors
from vera.metrics.recognition.gallery import make_gallery

RED, GREEN = (250, 20, 20), (20, 250, 20)
CASE = EvaluationCase(
    task="obj_add",
    thing="strawberry",
    noun="berry",
    place="left",
    size="small",
    motion="still",
    color=None,
    light="plain",
    scene=None,
    masked=False,
    instruction="Add a berry on the left.",
    index=0,
    key=(0, 0, 0, 0),
)


def measure(case: EvaluationCase, sample: LayeredSample, found: Prediction, galleries: Galleries) -> dict[str, float]:
    asked = Measured(synthetic_case(case), CaseFrames.of_sample(sample), found, galleries)
    return measuring.measure(asked, choose_metrics(HELD_OUT))[0]


def embed(pictures: Pictures) -> Vectors:
    middle = pictures[:, pictures.shape[1] // 2, pictures.shape[2] // 2]
    return unit_vectors(middle.astype(np.float32))


COLORS = {name: unit_vectors(np.array([color], np.float32)) for name, color in (("berry", RED), ("leaf", GREEN))}
SILHOUETTES = {"berry": [np.ones((9, 9), bool)], "leaf": [np.ones((9, 3), bool)]}
GALLERIES = Galleries(make_gallery(COLORS), make_gallery(COLORS), embed, SILHOUETTES)


def answer(left: int, color: tuple[int, int, int], shadow: float = 0.4) -> Prediction:
    """A box on a striped ground, with a shadow at its foot."""
    source = ground()
    alpha, edit = np.zeros(source.shape[:3], np.float32), np.zeros_like(source)
    alpha[:, 36:44, left - 4 : left + 24] = shadow
    alpha[:, 20:40, left : left + 20], edit[:, 20:40, left : left + 20] = 1, color
    result = blend_frames(edit, alpha, source)
    return Prediction(edit, alpha, result, result)


def ground() -> np.ndarray:
    stripes = np.where(np.arange(120) % 8 < 4, 180, 220).astype(np.uint8)
    return np.broadcast_to(stripes[:, None], (3, 60, 120, 3)).copy()


def truth() -> LayeredSample:
    found = answer(10, RED)
    codes = np.rint(found.alpha * 255).astype(np.uint8)
    return LayeredSample(ground(), found.edit, codes, found.result, None, CASE.instruction, "obj_add")


def test_the_right_answer() -> None:
    found = measure(CASE, truth(), answer(10, RED), GALLERIES)
    hits = {"object_top1", "object_top5", "place_hit", "sane_frames", "shadow_hit"}
    assert {name: found[name] for name in hits} == dict.fromkeys(hits, 1.0)
    assert found["darkening"] == pytest.approx(0.4, abs=0.01)
    assert found["leakage"] == found["disagreement"] == 0
    assert found["outline"] > 0.97
    assert found["dtssd"] == pytest.approx(0, abs=0.1) and found["psnr_preserved"] == 100


def test_another_colour_is_another_thing_and_no_shadow_is_a_miss() -> None:
    found = measure(CASE, truth(), answer(10, GREEN, shadow=0.0), GALLERIES)
    assert (found["object_top1"], found["object_top5"], found["place_hit"], found["shadow_hit"]) == (0, 1, 1, 0)


def test_another_shape() -> None:
    thin = replace(GALLERIES, silhouettes={"berry": SILHOUETTES["leaf"]})
    assert measure(CASE, truth(), answer(10, RED), thin)["outline"] == pytest.approx(
        1 / (2 * np.sqrt(3) - 1), abs=0.02
    )  # of equal areas
    assert "outline" not in measure(CASE, truth(), answer(10, RED), replace(GALLERIES, silhouettes={}))


def test_another_place() -> None:
    found = measure(CASE, truth(), answer(80, RED), GALLERIES)
    assert (found["object_top1"], found["place_hit"], found["shadow_hit"]) == (1, 0, 1)
    assert found["psnr_preserved"] < 30


def test_a_whole_frame_made_anew() -> None:
    source = ground()
    drawn = np.clip(source.astype(int) + 5, 0, 255).astype(np.uint8)
    found = measure(CASE, truth(), Prediction(drawn, np.ones(source.shape[:3], np.float32), None, drawn), GALLERIES)
    assert "disagreement" not in found
    assert found["sane_frames"] == 0
    assert found["psnr_preserved"] == pytest.approx(20 * np.log10(255 / 5), abs=0.01)


def test_a_new_background() -> None:
    case = replace(CASE, task="background_replace", scene="leaf")
    kept = answer(10, RED, shadow=0.0)
    alpha = 1 - kept.alpha
    source = blend_frames(kept.edit, kept.alpha, ground())
    edit = np.full_like(source, GREEN)
    result = blend_frames(edit, alpha, source)
    codes = np.rint(alpha * 255).astype(np.uint8)
    sample = LayeredSample(source, edit, codes, result, None, "", "background_replace")
    found = measure(case, sample, Prediction(edit, to_alpha(codes), result, result), GALLERIES)
    assert (found["iou"], found["subject_iou"], found["mae"], found["scene_top1"]) == (1, 1, 0, 1)
    everywhere = np.ones_like(alpha)
    found = measure(
        case, sample, Prediction(edit, everywhere, result, blend_frames(edit, everywhere, source)), GALLERIES
    )
    covered = 1 - 400 / 7200
    assert found["iou"] == pytest.approx(covered) and found["subject_iou"] == 0
    assert found["mae"] == pytest.approx(1 - covered)
    assert found["psnr_preserved"] < 15

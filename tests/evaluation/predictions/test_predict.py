"""Baselines that hold by construction, and the model's answer with and without settings."""

from collections.abc import Callable

import numpy as np
import pytest
from diffusers import UniPCMultistepScheduler
from tests.data.synthetic_assets import SPRITES
from tests.pipelines.editors.conftest import opened, saved  # noqa: F401  # fixtures

from vera.data.sample import LayeredSample
from vera.data.synthesis import SyntheticLayers
from vera.errors import VeraError
from vera.evaluation.cases.validation import validation_cases
from vera.evaluation.predictions.predict import Candidate, blend_frames, predict
from vera.evaluation.predictions.prediction import Prediction
from vera.pipelines import VeraPipeline, load_pipeline
from vera.pipelines.editors.adapters.adapter import Adapter
from vera.pipelines.samplers import use_sampler


@pytest.fixture(scope="module")
def sample(assets: str) -> LayeredSample:
    layers = SyntheticLayers(list(SPRITES), assets=assets)
    return layers.load(validation_cases(1, tuple(SPRITES), 5, 64, 48)[0].key)


@pytest.fixture(scope="module")
def pipeline(model: str) -> VeraPipeline:
    pipeline = load_pipeline(model, device="cpu", dtype="float32")
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_where_alpha_is_zero_the_source_stays() -> None:
    rng = np.random.default_rng(0)
    edit, source = rng.integers(0, 256, (2, 3, 8, 8, 3), np.uint8)
    alpha = rng.random((3, 8, 8)).astype(np.float32) * (rng.random((3, 8, 8)) > 0.5)
    result = blend_frames(edit, alpha, source)
    assert np.array_equal(result[alpha == 0], source[alpha == 0])
    assert np.array_equal(blend_frames(edit, np.ones_like(alpha), source), edit)
    expected = alpha[..., None] * edit + (1 - alpha[..., None]) * source
    assert np.abs(result - expected).max() <= 0.5001


def test_the_reference_baselines(pipeline: VeraPipeline, sample: LayeredSample) -> None:
    truth = predict(Candidate("truth"), pipeline, sample, 0)
    assert np.array_equal(truth.result, sample.composite)
    assert np.abs(blend_frames(truth.edit, truth.alpha, sample.source).astype(int) - truth.result).max() <= 1
    empty = predict(Candidate("empty"), pipeline, sample, 0)
    assert np.array_equal(empty.result, sample.source) and not empty.alpha.any()
    coded = predict(Candidate("autoencoder"), pipeline, sample, 0)
    assert coded.edit.shape == sample.edit.shape and coded.alpha.shape == sample.alpha.shape


def test_equal_seeds_equal_answers_and_settings_change_them(pipeline: VeraPipeline, sample: LayeredSample) -> None:
    def alpha(seed: int, **setting: object) -> np.ndarray:
        found: Prediction = predict(Candidate("model", **setting), pipeline, sample, seed)  # type: ignore[arg-type]
        assert found.alpha is not None
        return found.alpha

    own = pipeline.scheduler
    one = alpha(1, steps=2)
    assert np.array_equal(one, alpha(1, steps=2))
    for other in (
        alpha(2, steps=2),
        alpha(1, steps=3),
        alpha(1, steps=2, sampler="unipc"),
        alpha(1, steps=2, shift=7.0),
    ):
        assert not np.array_equal(one, other)
    assert pipeline.scheduler is own


def test_another_sampler_keeps_the_shift(model: str) -> None:
    pipeline = load_pipeline(model, device="cpu")
    use_sampler(pipeline, "euler", 5.0)
    use_sampler(pipeline, "unipc", None)
    assert isinstance(pipeline.scheduler, UniPCMultistepScheduler)
    assert pipeline.scheduler.config.flow_shift == 5.0
    use_sampler(pipeline, "euler", None)
    assert pipeline.scheduler.config.shift == 5.0


def test_an_editor_predicts_layers_too(
    sample: LayeredSample,
    opened: Callable[[str], Adapter],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    editor = opened("LucyEditPipeline")
    monkeypatch.setattr(editor, "edit", lambda clip, *_: _with_red_square(clip.frames))
    found = predict(Candidate("model", steps=2), editor, sample, 0)
    assert found.edit is not None and found.alpha is not None and found.composite is None
    assert found.alpha.shape == sample.alpha.shape
    assert np.array_equal(found.result[found.alpha == 0], sample.source[found.alpha == 0])
    assert found.alpha[:, 20:28, 20:28].min() > 0.9 and found.alpha[:, :8].max() == 0
    for candidate in (Candidate("autoencoder"), Candidate("model", shift=3.0)):
        with pytest.raises(VeraError, match="an editor's autoencoder and shift are its own"):
            predict(candidate, editor, sample, 0)
    assert np.array_equal(predict(Candidate("empty"), editor, sample, 0).result, sample.source)


def _with_red_square(frames: np.ndarray) -> np.ndarray:
    drawn = frames.copy()
    height, width = drawn.shape[1:3]
    drawn[:, height // 4 : height * 3 // 4, width // 4 : width // 2] = (200, 40, 40)
    return drawn

"""Baselines that hold by construction, and the model's answer with and without settings."""

import numpy as np
import pytest
from diffusers import UniPCMultistepScheduler
from tests.data.synthetic_assets import SPRITES

from vera.data.sample import LayeredSample
from vera.data.synthesis import SyntheticLayers
from vera.evaluation.cases.validation import validation_cases
from vera.evaluation.predictions.predict import Candidate, lay_over, predict
from vera.evaluation.predictions.prediction import Prediction
from vera.pipelines import VeraPipeline, load_pipeline
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
    result = lay_over(edit, alpha, source)
    assert np.array_equal(result[alpha == 0], source[alpha == 0])
    assert np.array_equal(lay_over(edit, np.ones_like(alpha), source), edit)
    expected = alpha[..., None] * edit + (1 - alpha[..., None]) * source
    assert np.abs(result - expected).max() <= 0.5001


def test_the_reference_baselines(pipeline: VeraPipeline, sample: LayeredSample) -> None:
    truth = predict(Candidate("truth"), pipeline, sample, 0)
    assert np.array_equal(truth.result, sample.composite)
    assert np.abs(lay_over(truth.edit, truth.alpha, sample.source).astype(int) - truth.result).max() <= 1
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

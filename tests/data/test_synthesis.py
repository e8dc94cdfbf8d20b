"""Synthetic layered clips: determinism, the compositing identity, and that layers do what the instruction says."""

import numpy as np
import pytest
from tests.data.synthetic_assets import SPRITES, make_assets

from vera.data.sample import LayeredSample
from vera.data.synthesis import SyntheticLayers
from vera.data.synthesis.instructions import MOTIONS, PLACES, SIZES, ObjectSpec, describe_addition
from vera.data.synthesis.objects import contact_shadow, plan_track, render_sprite, tint
from vera.errors import VeraError

STAGES = [{"until": 10, "frames": {1: 1.0}}, {"until": None, "frames": {5: 0.5, 9: 0.5}}]


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_assets(tmp_path_factory.mktemp("assets")))


@pytest.fixture(scope="module")
def layers(assets: str) -> SyntheticLayers:
    return SyntheticLayers(list(SPRITES), assets, sizes=["96x64", "64x96"], stages=STAGES)


def samples(layers: SyntheticLayers, task: str, count: int = 6) -> list[LayeredSample]:
    found = (sample for i in range(100) if (sample := layers.sample(i, 5, 96, 64)).task == task)
    return [next(found) for _ in range(count)]


def test_equal_index_equal_sample_and_unequal_index_another(assets: str, layers: SyntheticLayers) -> None:
    again = SyntheticLayers(list(SPRITES), assets, sizes=["96x64", "64x96"], stages=STAGES)
    one, two, other = layers.sample(3, 5, 96, 64), again.sample(3, 5, 96, 64), layers.sample(4, 5, 96, 64)
    assert one.instruction == two.instruction
    for name in ("source", "edit", "alpha", "composite"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name
    assert not np.array_equal(one.source, other.source)


def test_held_out_samples_are_others(assets: str, layers: SyntheticLayers) -> None:
    held_out = SyntheticLayers(list(SPRITES), assets, sizes=["96x64"], held_out=True)
    assert not np.array_equal(held_out.sample(3, 5, 96, 64).source, layers.sample(3, 5, 96, 64).source)


@pytest.mark.parametrize("task", ["obj_add", "background_replace"])
def test_composite_is_the_edit_laid_over_the_source(layers: SyntheticLayers, task: str) -> None:
    for sample in samples(layers, task):
        alpha = sample.alpha[..., None] / 255.0
        expected = alpha * sample.edit + (1 - alpha) * sample.source
        assert np.abs(sample.composite - expected).max() <= 0.51
        assert sample.source.shape == sample.edit.shape == (5, 64, 96, 3)
        assert sample.alpha.shape == (5, 64, 96)


def test_an_added_object_covers_a_part_and_a_new_background_the_rest(layers: SyntheticLayers) -> None:
    for sample in samples(layers, "obj_add"):
        assert 0.003 < (sample.alpha > 127).mean() < 0.6
    for sample in samples(layers, "background_replace"):
        assert (sample.alpha > 127).mean() > 0.4


def test_the_mask_marks_what_alpha_keeps(layers: SyntheticLayers) -> None:
    masks = [sample for sample in samples(layers, "background_replace", 8) if sample.mask is not None]
    assert masks
    for sample in masks:
        assert sample.mask is not None
        assert set(np.unique(sample.mask)) <= {0, 255}
        kept = sample.alpha < 128
        overlap = (kept & (sample.mask > 0)).sum() / max(1, (kept | (sample.mask > 0)).sum())
        assert overlap > 0.5


def test_batches_follow_the_stages_and_keep_their_cost(layers: SyntheticLayers) -> None:
    for step in (0, 9, 10, 25):
        batch = [layers.load(key) for key in layers.draw(step, 12)]
        frames = {sample.source.shape[0] for sample in batch}
        assert len({sample.source.shape for sample in batch}) == 1
        assert frames <= ({1} if step < 10 else {5, 9})
        latent_frames = 1 + (frames.pop() - 1) // 4
        assert len(batch) == 12 // latent_frames


@pytest.mark.parametrize("place", list(PLACES))
@pytest.mark.parametrize("motion", list(MOTIONS))
def test_the_object_is_where_its_words_say(layers: SyntheticLayers, place: str, motion: str) -> None:
    third = list(PLACES).index(place)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        track = plan_track(place, "medium", motion, 9, 64, 96, rng)
        alpha = render_sprite(layers.sprites[0].rgba, track, 64, 96)[..., 3]
        center = (alpha.sum((0, 1)) * np.arange(96)).sum() / alpha.sum() / 96
        assert third / 3 - 0.03 <= center <= (third + 1) / 3 + 0.03
        travel = (alpha[-1].sum(0) * np.arange(96)).sum() / alpha[-1].sum() - (
            alpha[0].sum(0) * np.arange(96)
        ).sum() / alpha[0].sum()
        if motion in ("left", "right"):
            assert travel * (1 if motion == "right" else -1) > 1


def test_sizes_are_ordered(layers: SyntheticLayers) -> None:
    coverage = []
    for size in SIZES:
        track = plan_track("center", size, "still", 1, 64, 96, np.random.default_rng(0))
        coverage.append(render_sprite(layers.sprites[0].rgba, track, 64, 96)[..., 3].mean())
    assert coverage[0] < coverage[1] < coverage[2]


def test_shadow_lies_under_the_object_and_fades_as_it_rises() -> None:
    rng = np.random.default_rng(1)
    track = plan_track("center", "medium", "bounce", 12, 64, 96, rng)
    shadow = contact_shadow(track, 64, 96, 0.4)
    assert shadow.max() <= 0.4
    lowest, highest = track.centers[:, 1].argmax(), track.centers[:, 1].argmin()
    assert shadow[lowest].max() > shadow[highest].max()
    rows = shadow[lowest].sum(1)
    assert abs(float(rows.argmax()) - track.ground) <= 1


def test_tint_changes_the_hue_and_nothing_of_the_shape(layers: SyntheticLayers) -> None:
    sprite = layers.sprites[0].rgba
    blue = tint(sprite, "blue")
    assert np.array_equal(blue[..., 3], sprite[..., 3])
    inside = blue[sprite[..., 3] == 255].mean(0)
    assert inside[2] > inside[0] and inside[2] > inside[1]


def test_instructions_name_what_they_ask_for() -> None:
    spec = ObjectSpec("octopus", "left", "large", "bounce", "blue")
    texts = {describe_addition(spec, np.random.default_rng(seed)) for seed in range(40)}
    assert len(texts) > 10
    assert all("blue octopus" in text and "left" in text for text in texts)
    assert describe_addition(ObjectSpec("octopus", "left", "medium", "still", None), np.random.default_rng(0)).split()[
        1:3
    ] == ["an", "octopus"]


def test_missing_assets_and_unknown_names_are_said(tmp_path_factory: pytest.TempPathFactory, assets: str) -> None:
    with pytest.raises(VeraError, match="make assets"):
        SyntheticLayers(["octopus"], str(tmp_path_factory.mktemp("nothing")))
    with pytest.raises(VeraError, match="zzz"):
        SyntheticLayers(["zzz"], assets)
    with pytest.raises(VeraError, match="no sprite"):
        SyntheticLayers(["pineapple"], assets)

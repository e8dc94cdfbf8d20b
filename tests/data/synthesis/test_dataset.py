"""Synthetic layered clips: determinism, the compositing identity, and that layers do what the instruction says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.synthetic_assets import SPRITES, make_assets

from vera.data.sample import LayeredSample
from vera.data.synthesis import SyntheticLayers
from vera.errors import VeraError

STAGES = [{"until": 10, "frames": {1: 1.0}}, {"until": None, "frames": {5: 0.5, 9: 0.5}}]


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_assets(tmp_path_factory.mktemp("assets")))


@pytest.fixture(scope="module")
def layers(assets: str) -> SyntheticLayers:
    return SyntheticLayers(list(SPRITES), assets, sizes=["96x64", "64x96"], stages=STAGES)


@pytest.fixture(scope="module")
def held_out(assets: str) -> SyntheticLayers:
    return SyntheticLayers(list(SPRITES), assets, sizes=["96x64"], held_out=True)


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


@settings(max_examples=40, deadline=None)
@given(
    index=st.integers(0, 1 << 40),
    frames=st.sampled_from([1, 5]),
    size=st.sampled_from([(96, 64), (64, 96), (120, 48)]),
    unseen=st.booleans(),
    fill=st.sampled_from(["edge", "white"]),
)
def test_composite_is_the_edit_laid_over_the_source(
    layers: SyntheticLayers,
    held_out: SyntheticLayers,
    index: int,
    frames: int,
    size: tuple[int, int],
    unseen: bool,
    fill: str,
) -> None:
    source = held_out if unseen else layers
    source.fill = fill
    sample = source.sample(index, frames, *size)
    source.fill = "edge"
    alpha = sample.alpha[..., None] / 255.0
    expected = alpha * sample.edit + (1 - alpha) * sample.source
    assert np.abs(sample.composite - expected).max() <= 0.51
    assert np.array_equal(sample.composite[sample.alpha == 0], sample.source[sample.alpha == 0])
    width, height = size
    assert sample.source.shape == sample.edit.shape == (frames, height, width, 3)
    assert sample.alpha.shape == (frames, height, width)


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


@pytest.mark.faults
@pytest.mark.parametrize("frames", [{1: 1}, {5: 1}, {9: 1}, {17: 1}, {1: 1, 9: 1, 17: 1}])
@pytest.mark.parametrize(("samples", "batch_size"), [(24, 8), (64, 16), (5, 8), (9, 6)])
def test_every_one_of_so_many_samples_is_drawn(
    assets: str, frames: dict[int, float], samples: int, batch_size: int
) -> None:
    """However many clips a batch has: batches of one clip came to every `batch_size`-th sample only."""
    stages = [{"until": None, "frames": frames}]
    layers = SyntheticLayers(list(SPRITES), assets, ["96x64"], stages, samples=samples)
    drawn = [key[0] for step in range(40 * samples) for key in layers.draw(step, batch_size)]
    counts = np.bincount(drawn, minlength=samples)
    assert len(counts) == samples and counts.min() > 0.5 * counts.mean()
    if len(frames) == 1:  # in turn
        assert sorted(drawn[:samples]) == list(range(samples))


def test_a_stage_has_sizes_of_its_own(assets: str) -> None:
    stages = [{"until": 5, "frames": {1: 1}, "sizes": ["48x32", "32x32"]}, {"until": None, "frames": {1: 1}}]
    layers = SyntheticLayers(list(SPRITES), assets, sizes=["96x64"], stages=stages)
    sizes = [{key[2:4] for key in layers.draw(step, 4)} for step in range(12)]
    assert set.union(*sizes[:5]) == {(48, 32), (32, 32)}
    assert set.union(*sizes[5:]) == {(96, 64)}


def test_objects_over_white_for_a_base(assets: str) -> None:
    """White where nothing is added, the scene elsewhere; in the middle, or where the words say. Samples come again."""
    over = [{"middle": 1}, {"white": 1}, {"scene": 1}]
    stages = [{"until": end, "frames": {1: 1}, "over": ground} for end, ground in zip((3, 6, None), over, strict=True)]
    layers = SyntheticLayers(list(SPRITES), assets, ["96x64"], stages, background_share=0.5, grid=8, samples=20)
    drawn = [key for step in range(6) for key in layers.draw(step, 8)]
    assert {key[0] for key in drawn} == set(range(20))
    centers: dict[str, list[float]] = {"middle": [], "white": []}
    for key in dict.fromkeys(drawn):
        sample = layers.load(key)
        assert sample.task == "obj_add" and (sample.source == 255).all()
        assert (sample.composite[sample.alpha == 0] == 255).all() and sample.composite.min() < 128
        columns = (sample.alpha > 160).sum((0, 1))
        centers[key[-1]].append((columns * np.arange(96)).sum() / columns.sum() / 96)
    assert all(abs(center - 0.5) < 0.12 for center in centers["middle"])
    assert min(centers["white"]) < 0.3 and max(centers["white"]) > 0.7
    assert layers.load(layers.draw(6, 1)[0]).source.min() < 255
    stages[0]["over"] = {"white": 0}
    with pytest.raises(VeraError, match="over"):
        SyntheticLayers(list(SPRITES), assets, ["96x64"], stages)


def test_samples_show_what_their_plans_say(layers: SyntheticLayers) -> None:
    """The place of the alpha's centre and what the instruction names."""
    thirds = {"left": 0, "center": 1, "right": 2}
    for index in range(30):
        plan, sample = layers.plan(index, 5), layers.sample(index, 5, 96, 64)
        assert (sample.task, sample.instruction) == (plan.task, plan.instruction)
        assert (sample.mask is not None) == plan.masked
        covered = sample.alpha if plan.task == "obj_add" else 255 - sample.alpha
        columns = (covered > 160).sum((0, 1))
        center = (columns * np.arange(96)).sum() / columns.sum() / 96
        assert thirds[plan.place] / 3 - 0.03 < center < (thirds[plan.place] + 1) / 3 + 0.03


def test_missing_assets_and_unknown_names_are_said(tmp_path_factory: pytest.TempPathFactory, assets: str) -> None:
    with pytest.raises(VeraError, match="make assets"):
        SyntheticLayers(["octopus"], str(tmp_path_factory.mktemp("nothing")))
    with pytest.raises(VeraError, match="zzz"):
        SyntheticLayers(["zzz"], assets)
    with pytest.raises(VeraError, match="no sprite"):
        SyntheticLayers(["pineapple"], assets)
    with pytest.raises(VeraError, match="fill"):
        SyntheticLayers(list(SPRITES), assets, fill="gray")


def test_a_grid_is_for_what_is_added_only(assets: str, layers: SyntheticLayers) -> None:
    on_grid = SyntheticLayers(list(SPRITES), assets, sizes=["96x64", "64x96"], stages=STAGES, grid=8)
    for index in range(20):
        free, placed = layers.sample(index, 1, 96, 64), on_grid.sample(index, 1, 96, 64)
        assert free.instruction == placed.instruction
        assert np.array_equal(free.source, placed.source)
        assert np.array_equal(free.alpha, placed.alpha) == (free.task == "background_replace")


def test_sizes_come_as_often_as_asked(assets: str) -> None:
    shares = {"background_share": 0.0, "size_shares": [8, 1, 1]}
    small = SyntheticLayers(list(SPRITES), assets, **shares)
    sizes = [small.plan(index, 1).size for index in range(300)]
    # At a third of the places a small one is held out.
    assert sizes.count("small") / 300 == pytest.approx(2 / 3 * 8 / 9, abs=0.09)
    assert sizes.count("medium") / 300 == pytest.approx(sizes.count("large") / 300, abs=0.12)


@pytest.mark.parametrize("shares", [[1, 1], [1, 0, 1], [-1, 1, 1]])
def test_sizes_that_cannot_be_drawn_are_refused(assets: str, shares: list[float]) -> None:
    with pytest.raises(VeraError, match="size_shares is a share above 0 for each of small, medium, large"):
        SyntheticLayers(list(SPRITES), assets, size_shares=shares)


def test_several_of_a_thing_stand_side_by_side(assets: str) -> None:
    several = SyntheticLayers(
        list(SPRITES),
        assets,
        ["192x128"],
        background_share=0,
        tint_share=0,
        number_share=1,
        size_shares=(0.01, 0.01, 1),
    )
    seen = set()
    for index in range(12):
        plan, sample = several.plan(index, 1), several.sample(index, 1, 192, 128, "white")
        columns = np.pad((sample.alpha[0, :100] > 200).any(axis=0), 1).astype(int)
        assert np.count_nonzero(np.diff(columns) == 1) == plan.number
        assert plan.number == 1 if plan.size == "small" else plan.number > 1
        seen.add(plan.number)
    assert seen >= {2, 3}

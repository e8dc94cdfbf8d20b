"""Crops of a canvas: where they lie, what is cut out of it, and how layers come back."""

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera import VeraError
from vera.pipelines.footage.crops import CONTEXT, FADE, Crop, CropPlan, fade_border, place_layers, plan_crops
from vera.pipelines.footage.region import Box, Region
from vera.pipelines.sampling.sizes import model_size


def footage(width: int, height: int, aspect: Fraction = Fraction(1)) -> Any:
    return SimpleNamespace(display_size=(width, height), display_aspect=aspect)


def region(*boxes: tuple[float, float, float, float]) -> Region:
    return Region(",".join(map(str, boxes[0])), tuple(Box(*box) for box in boxes))


def inside(plan: CropPlan, clip: Any, crop: Crop, box: Box, index: int = 0) -> bool:
    """Whether a crop shows all of a box, to a pixel of the canvas."""
    rows, columns = crop.box(index)
    along, down = (canvas / full for canvas, full in zip(plan.canvas, clip.display_size, strict=True))
    return (
        columns.start <= box.x * along + 1
        and columns.stop >= (box.x + box.width) * along - 1
        and rows.start <= box.y * down + 1
        and rows.stop >= (box.y + box.height) * down - 1
    )


def test_without_regions_the_model_sees_the_frame() -> None:
    clip = footage(1920, 1080)
    plan = plan_crops(clip, (), (16, 16), 256 * 144)
    assert plan.whole and plan.record() == {} and plan.canvas == model_size((1920, 1080), Fraction(1), (16, 16), 36864)
    assert plan_crops(clip, (), (16, 16), 36864, (320, 160)).canvas == (320, 160)


def test_a_region_of_all_the_frame_is_no_crop() -> None:
    clip = footage(1920, 1080)
    plan = plan_crops(clip, [region((0, 0, 1920, 1080))], (16, 16), 36864)
    assert plan.whole and plan.canvas == plan_crops(clip, (), (16, 16), 36864).canvas


def test_a_small_region_is_seen_with_context_at_a_finer_scale() -> None:
    clip, asked = footage(3840, 2160), region((1000, 700, 860, 484))
    plan = plan_crops(clip, [asked], (16, 16), 832 * 480)
    (crop,) = plan.crops
    assert crop.size == crop.model and crop.model[0] * crop.model[1] >= 832 * 480
    assert plan.canvas[0] == pytest.approx(3840 * crop.model[0] / (860 * (1 + 2 * CONTEXT)), rel=0.05)
    assert inside(plan, clip, crop, asked.boxes[0])


def test_never_finer_than_the_footage() -> None:
    clip = footage(1920, 1080)
    plan = plan_crops(clip, [region((900, 500, 64, 64))], (16, 16), 832 * 480)
    assert plan.canvas == (1920, 1080) and plan.crops[0].size == plan.crops[0].model
    small = plan_crops(footage(64, 48), [region((8, 8, 32, 32))], (16, 16), 256 * 144)
    assert small.whole  # a frame smaller than the model's


@given(st.data())
def test_a_crop_lies_in_the_canvas_and_shows_its_region(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(64, 4096)), data.draw(st.integers(64, 2304))
    aspect = data.draw(st.sampled_from([Fraction(1), Fraction(4, 3), Fraction(3, 4), Fraction(16, 11)]))
    clip = footage(width, height, aspect)
    regions = []
    for _ in range(data.draw(st.integers(1, 3))):
        w, h = data.draw(st.integers(16, width)), data.draw(st.integers(16, height))
        moves = st.tuples(st.integers(0, width - w), st.integers(0, height - h))
        regions.append(region(*((x, y, w, h) for x, y in data.draw(st.lists(moves, min_size=1, max_size=4)))))
    plan = plan_crops(clip, regions, (16, 16), 256 * 144)
    for crop, asked in zip(plan.crops, regions, strict=True):
        assert all(side % 16 == 0 for side in crop.model)
        for index, box in enumerate(asked.boxes):
            rows, columns = crop.box(index)
            assert 0 <= columns.start < columns.stop <= plan.canvas[0]
            assert 0 <= rows.start < rows.stop <= plan.canvas[1]
            assert inside(plan, clip, crop, box, index)


def test_a_region_smaller_than_the_stride_and_a_size_off_it() -> None:
    with pytest.raises(VeraError, match="is 8x40, smaller than the 16x16 pixels"):
        plan_crops(footage(640, 360), [region((0, 0, 8, 40))], (16, 16), 36864)
    with pytest.raises(VeraError, match="the nearest size is 96x64"):
        plan_crops(footage(640, 360), [region((0, 0, 80, 40))], (16, 16), 36864, (100, 64))


def test_pixels_that_are_not_square_are_shown_square() -> None:
    clip = footage(1440, 1080, Fraction(4, 3))
    plan = plan_crops(clip, [region((300, 200, 360, 480))], (8, 8), 256 * 256)
    rows, columns = plan.crops[0].box(0)
    shown = (
        (columns.stop - columns.start) * 1440 / plan.canvas[0] * 4 / 3,
        (rows.stop - rows.start) * 1080 / plan.canvas[1],
    )
    model = plan.crops[0].model
    assert shown[0] / shown[1] == pytest.approx(model[0] / model[1], rel=0.04)


def random_layers(rng: np.random.Generator, crop: Crop, frames: int, margin: int = 0) -> tuple[np.ndarray, np.ndarray]:
    width, height = crop.model
    edit = rng.random((frames, height, width, 3), np.float32)
    alpha = np.zeros((frames, height, width), np.float32)
    alpha[:, margin : height - margin, margin : width - margin] = rng.random(
        (frames, height - 2 * margin, width - 2 * margin), np.float32
    )
    return edit, alpha


def test_layers_land_where_they_were_cut() -> None:
    """A moving crop puts back the very pixels that it showed; outside of it alpha is 0."""
    rng = np.random.default_rng(0)
    crop = Crop((32, 16), (32, 16), ((3, 5), (4, 7), (9, 6)), "auto")
    plan = CropPlan((64, 40), (crop,))
    canvas = rng.random((3, 40, 64, 3), np.float32)
    edits = np.stack([crop.cut(canvas[index], index) for index in range(3)])
    _, alpha = random_layers(rng, crop, 3, margin=1)
    spans = [(edits[:2], alpha[:2]), (edits[2:], alpha[2:])]
    for index, (edit, matte) in enumerate(place_layers(plan, range(3), [spans])):
        rows, columns = crop.box(index)
        assert np.array_equal(edit[0][rows, columns], canvas[index][rows, columns])
        assert np.array_equal(matte[0][rows, columns], alpha[index])
        matte[0][rows, columns] = 0
        assert not matte.any()
    assert plan.notices() == []


def test_the_layers_of_a_whole_canvas_pass() -> None:
    spans = [(np.ones((2, 4, 4, 3), np.float32), np.ones((2, 4, 4), np.float32))]
    plan = CropPlan((4, 4), (Crop((4, 4), (4, 4), ((0, 0),)),))
    assert list(place_layers(plan, range(2), [spans])) == spans


def test_later_regions_lie_over_earlier_ones() -> None:
    """As compositing one after the other does it."""
    rng = np.random.default_rng(1)
    crops = (Crop((24, 24), (24, 24), ((0, 0),), "a"), Crop((24, 24), (24, 24), ((8, 8),), "b"))
    drawn = [random_layers(rng, crop, 1, margin=1) for crop in crops]
    ((edit, alpha),) = place_layers(CropPlan((32, 32), crops), [0], [[layer] for layer in drawn])
    source = rng.random((32, 32, 3), np.float32)
    expected = source.copy()
    for crop, (colors, matte) in zip(crops, drawn, strict=True):
        box = crop.box(0)
        expected[box] = matte[0][..., None] * colors[0] + (1 - matte[0][..., None]) * expected[box]
    found = alpha[0][..., None] * edit[0] + (1 - alpha[0][..., None]) * source
    assert np.abs(found - expected).max() < 1e-6


def test_a_coarser_region_is_brought_to_the_canvas() -> None:
    clip = footage(1920, 1080)
    plan = plan_crops(clip, [region((0, 0, 1000, 600)), region((1400, 700, 320, 180))], (16, 16), 256 * 144)
    coarse, fine = plan.crops
    assert fine.size == fine.model and coarse.size[0] > coarse.model[0]
    height, width = coarse.model[::-1]
    alpha = np.zeros((1, height, width), np.float32)
    alpha[:, height // 4 : height // 2, width // 4 : width // 2] = 1
    nothing = np.zeros((1, *fine.model[::-1], 3), np.float32), np.zeros((1, *fine.model[::-1]), np.float32)
    red = np.broadcast_to(np.float32([1, 0, 0]), (1, height, width, 3)).copy()
    ((edit, found),) = place_layers(plan, [0], [[(red, alpha)], [nothing]])
    ys, xs = np.nonzero(found[0] > 0.5)
    assert xs.min() == pytest.approx(coarse.corners[0][0] + coarse.size[0] / 4, abs=2)
    assert ys.max() == pytest.approx(coarse.corners[0][1] + coarse.size[1] / 2, abs=2)
    assert np.allclose(edit[0][found[0] > 0], [1, 0, 0], atol=1e-5)
    picture = np.zeros((*plan.canvas[::-1], 3), np.uint8)
    assert coarse.cut(picture, 0).shape == (height, width, 3)
    assert coarse.cut(np.ones(plan.canvas[::-1], bool), 0).dtype == bool


ALL = [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_what_ends_by_itself_is_not_faded() -> None:
    alpha = np.random.default_rng(0).random((40, 60), np.float32)
    alpha[[0, -1]], alpha[:, [0, -1]] = 0, 0
    faded, reached = fade_border(alpha, ALL)
    assert np.array_equal(faded, alpha) and reached == 0


def test_what_reaches_the_border_fades_to_nothing_there() -> None:
    alpha = np.ones((48, 60), np.float32)
    faded, reached = fade_border(alpha, ALL)
    assert reached == 1 and not faded[[0, -1]].any() and not faded[:, [0, -1]].any()
    rows, columns = round(48 * FADE), round(60 * FADE)
    assert (faded[rows:-rows, columns:-columns] == 1).all()
    assert np.abs(np.diff(faded[rows:-rows], axis=1)).max() <= 1 / columns + 1e-6
    assert (alpha == 1).all()  # untouched itself


def test_what_touches_the_border_in_one_place_fades_about_it() -> None:
    alpha = np.zeros((48, 60), np.float32)
    alpha[:30, 28:32] = 1  # a stem, and something that ends by itself
    alpha[10:20, 54:58] = 0.5
    faded, _ = fade_border(alpha, [(0, 0)])
    depth = round(48 * FADE)
    assert not faded[0].any() and (faded[depth:] == alpha[depth:]).all()
    assert (np.diff(faded[:depth, 30]) > 0).all() and (faded[:, 50:] == alpha[:, 50:]).all()


def test_the_frame_s_own_border_is_no_crop_s() -> None:
    faded, _ = fade_border(np.ones((40, 60), np.float32), [(1, 1)])
    assert (faded[:, : -round(60 * FADE)] == 1).all() and not faded[:, -1].any()
    crop = Crop((32, 16), (32, 16), ((0, 24),), "r")
    layer = np.ones((1, 16, 32, 3), np.float32), np.ones((1, 16, 32), np.float32)
    plan = CropPlan((64, 40), (crop,))
    ((_, alpha),) = place_layers(plan, [0], [[layer]])
    assert (alpha[0, 27:, :26] == 1).all()  # left and below is the frame's end
    assert not alpha[0, 24].any() and not alpha[0, :, 31].any()
    assert plan.notices() == [
        "region r: what was drawn reached the border of the crop in 1 frames and fades there; give a larger region"
    ]


@given(st.integers(0, 2**32 - 1))
def test_fading_never_adds_and_is_continuous(seed: int) -> None:
    """A small change of a matte changes what is left of it by no more: no threshold decides."""
    rng = np.random.default_rng(seed)
    alpha = rng.random((20, 24), np.float32) * (rng.random((20, 24)) > 0.6)
    change = rng.normal(0, 0.001, alpha.shape).astype(np.float32)
    other = (alpha + change).clip(0, 1)
    one, two = fade_border(alpha, ALL)[0], fade_border(other, ALL)[0]
    assert (one <= alpha).all() and (one >= 0).all()
    assert np.abs(one - two).max() <= 5 * np.abs(other - alpha).max() + 1e-6


def test_the_record_has_the_place_of_every_crop() -> None:
    crop = Crop((32, 16), (32, 16), ((0, 24), (1, 24)), "auto")
    assert CropPlan((64, 40), (crop,)).record() == {
        "region": ["auto"],
        "crops": [{"model": [32, 16], "size": [32, 16], "corners": [[0, 24], [1, 24]]}],
    }

"""Masks from boxes and clicks, and masks carried through clips."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.construction.embedded.scenes import SIZE, crossing

from vera.construction.embedded import Prompts, mask_from_prompts, propagate
from vera.construction.embedded.regions import box_about, overlap, without_holes, without_specks


def boxed(mask: np.ndarray, margin: int = 4) -> Prompts:
    rows, columns = box_about(mask, margin)
    return Prompts((columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start))


def test_a_box_finds_the_object_in_it() -> None:
    scene = crossing()
    assert overlap(mask_from_prompts(scene.clip[5], boxed(scene.masks[5])), scene.masks[5]) > 0.93


def test_a_click_alone_finds_the_object_under_it() -> None:
    scene = crossing()
    assert overlap(mask_from_prompts(scene.clip[5], Prompts(plus=[(48, 26)])), scene.masks[5]) > 0.9


def test_clicks_mean_what_they_say() -> None:
    scene = crossing()
    box = boxed(scene.masks[5]).box
    found = mask_from_prompts(scene.clip[5], Prompts(box, plus=[(38, 15)], minus=[(48, 26)]))
    assert found[15, 38] and not found[26, 48]


def test_no_prompt_is_no_object() -> None:
    assert not mask_from_prompts(crossing().clip[5], Prompts()).any()


@pytest.mark.parametrize("start", [0, 5, 10])
def test_masks_are_carried_both_ways(start: int) -> None:
    scene = crossing(speed=2)
    carried = propagate(scene.clip, {start: scene.masks[start]})
    assert (carried[start] == scene.masks[start]).all()
    assert min(overlap(*pair) for pair in zip(carried, scene.masks, strict=True)) > 0.85


def test_each_frame_comes_from_the_nearest_given_one_and_given_ones_stay() -> None:
    scene = crossing(speed=2)
    empty = np.zeros_like(scene.masks[0])
    carried = propagate(scene.clip, {2: scene.masks[2], 8: empty})
    assert carried[:6].any((1, 2)).all() and not carried[6:].any()


def test_nothing_passes_a_barrier() -> None:
    scene = crossing(speed=2)
    carried = propagate(scene.clip, {5: scene.masks[5]}, barriers=[3, 7])
    assert carried.any((1, 2)).tolist() == [t in (4, 5, 6) for t in range(11)]


@settings(max_examples=15, deadline=None)
@given(st.tuples(*[st.integers(-20, 120)] * 2), st.tuples(*[st.integers(1, 150)] * 2))
def test_any_box_gives_a_mask_within_it(corner: tuple[int, int], size: tuple[int, int]) -> None:
    found = mask_from_prompts(crossing(frames=1).clip[0], Prompts((*corner, *size)))
    allowed = np.zeros(SIZE[::-1], bool)
    allowed[max(0, corner[1]) : max(0, corner[1] + size[1]), max(0, corner[0]) : max(0, corner[0] + size[0])] = True
    assert found.shape == allowed.shape and not (found & ~allowed).any()


def test_specks_and_holes() -> None:
    mask = np.zeros((40, 40), bool)
    mask[5:25, 5:25] = True
    with_both = mask.copy()
    with_both[10:12, 10:12], with_both[35, 35] = False, True
    assert (without_specks(without_holes(with_both, 0.01)) == mask).all()
    assert (without_holes(with_both, 1e-4) == with_both).all()

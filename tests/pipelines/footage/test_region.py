"""Regions as they are asked for, and the boxes that follow a mask."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera import VeraError
from vera.pipelines.footage.region import STILL, Box, find_regions, follow
from vera.video import open_clip

ClipMaker = Callable[..., Path]


def write_mask(path: Path, boxes: list[tuple[int, int, int, int] | None], size: tuple[int, int], hole: bool) -> Path:
    """A lossless video of white boxes (left, top, right, bottom) on black, or of holes in white."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = *size, "gray"
        for box in boxes:
            picture = np.full(size[::-1], 255 * hole, np.uint8)
            if box is not None:
                picture[box[1] : box[3], box[0] : box[2]] = 255 - 255 * hole
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "gray")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def clip(make_clip: ClipMaker) -> Any:
    return open_clip(make_clip("a.mkv", 12, (128, 96)))


def test_what_can_be_asked_for(clip: Any) -> None:
    box = (Box(8, 10, 40, 32),)
    assert find_regions(None, clip, range(12), None) == find_regions([], clip, range(12), None) == ()
    asked: list[Any] = [
        "8,10,40,32",
        " 8, 10,40,32",
        (8, 10, 40, 32),
        [8, 10, 40, 32],
        ["8,10,40,32"],
        ((8, 10, 40, 32),),
    ]
    for one in asked:
        assert [region.boxes for region in find_regions(one, clip, range(12), None)] == [box]
    two = find_regions(["0,0,64,96", (64, 0, 64, 96)], clip, range(12), None)
    assert [region.asked for region in two] == ["0,0,64,96", "64,0,64,96"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("", "whole pixels"),
        ("left", "whole pixels"),
        ("1,2,3", "whole pixels"),
        ("1,2,3,4,5", "whole pixels"),
        ("nan,0,32,32", "whole pixels"),
        ("0,0,32.5,32", "whole pixels"),
        ("0,0,1e3,32", "whole pixels"),
        ("٣,0,32,32", "whole pixels"),
        ((0.0, 0, 32, 32), "whole pixels"),
        ((float("nan"), 0, 32, 32), "whole pixels"),
        ((True, 0, 32, 32), "whole pixels"),
        ((0, 0, 32), "whole pixels"),
        ((None, 0, 32, 32), "whole pixels"),
        (7, "region is"),
        ("0,0,0,32", "empty"),
        ("0,0,32,-4", "empty"),
        ("-1,0,32,32", "out of the frame, which is 128x96"),
        ("100,0,32,32", "out of the frame, which is 128x96"),
        (["0,0,32,32", (0, 0, 32, 32)], "given twice"),
        ("auto", "give --mask"),
    ],
)
def test_what_is_no_region(clip: Any, asked: Any, told: str) -> None:
    with pytest.raises(VeraError, match=told) as error:
        find_regions(asked, clip, range(12), None)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("hole", [False, True])
def test_auto_is_the_island_of_a_mask(clip: Any, tmp_path: Path, hole: bool) -> None:
    """A white subject on black, and a black hole in white, are the same region; only the edited part counts."""
    boxes: list[Any] = [(0, 0, 20, 20)] + [(30, 40, 70, 80)] * 11
    mask = write_mask(tmp_path / "mask.mkv", boxes, (128, 96), hole)
    (region,) = find_regions("auto", clip, range(1, 12), mask)
    assert region.asked == "auto" and region.boxes == (Box(30, 40, 40, 40),)


def test_a_still_mask(clip: Any, tmp_path: Path) -> None:
    picture = np.zeros((96, 128), np.uint8)
    picture[10:50, 20:84] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), picture)
    (region,) = find_regions("auto", clip, range(12), tmp_path / "mask.png")
    assert region.boxes == (Box(20, 10, 64, 40),)


def test_auto_follows_a_moving_mask(clip: Any, tmp_path: Path) -> None:
    boxes: list[Any] = [(4 + 7 * t, 30, 34 + 7 * t, 60) for t in range(12)]
    boxes[5] = None
    (region,) = find_regions("auto", clip, range(12), write_mask(tmp_path / "mask.mkv", boxes, (128, 96), False))
    assert len(region.boxes) == 12 and len({box[2:] for box in region.boxes}) == 1
    for box, true in zip(region.boxes, boxes, strict=True):
        if true is not None:
            assert box.x <= true[0] + 1e-6 and box.x + box.width >= true[2] - 1e-6
            assert box.y <= true[1] + 1e-6 and box.y + box.height >= true[3] - 1e-6
    assert region.size[0] < 45  # on a straight path it hardly grows


@pytest.mark.parametrize(
    ("boxes", "hole", "told"),
    [
        ([None] * 12, False, "is all black"),
        ([None] * 12, True, "is all white"),
        ([(0, 0, 128, 48), (0, 48, 128, 96)] * 6, False, None),
        ([(0, 0, 128, 96), (0, 0, 1, 1)] + [(0, 0, 128, 96)] * 10, False, None),
    ],
)
def test_masks_that_tell_of_no_region(
    clip: Any, tmp_path: Path, boxes: list[Any], hole: bool, told: str | None, recwarn: pytest.WarningsRecorder
) -> None:
    mask = write_mask(tmp_path / "mask.mkv", boxes, (128, 96), hole)
    if told is None:
        find_regions("auto", clip, range(12), mask)
    else:
        with pytest.raises(VeraError, match=told):
            find_regions("auto", clip, range(12), mask)
    assert not recwarn.list


def test_a_mask_whose_colours_both_fill_the_frame(clip: Any, tmp_path: Path) -> None:
    checks = (np.indices((96, 128)).sum(0) // 16 % 2 * 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "mask.png"), checks)
    with pytest.raises(VeraError, match="both reach over the whole frame"):
        find_regions("auto", clip, range(12), tmp_path / "mask.png")


@given(st.data())
def test_boxes_hold_what_they_follow(data: st.DataObject) -> None:
    """Whatever the path and its gaps: boxes of one size, inside the frame, around each box that is known."""
    count = data.draw(st.integers(1, 30))
    side = st.integers(1, 40)
    rows = []
    for _ in range(count):
        x, y, width, height = data.draw(st.tuples(st.integers(0, 60), st.integers(0, 30), side, side))
        rows.append([x, y, min(x + width, 100), min(y + height, 70)])
    edges = np.array(rows, float)
    gaps = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    gaps[data.draw(st.integers(0, count - 1))] = False
    edges[np.array(gaps)] = np.nan
    boxes = follow(edges, (100, 70))
    assert len(boxes) in (1, count) and len({box[2:] for box in boxes}) == 1
    for index, (left, top, right, bottom) in enumerate(edges):
        box = boxes[index % len(boxes)]
        assert box.x >= -1e-6 and box.x + box.width <= 100 + 1e-6 and box.y >= -1e-6 and box.y + box.height <= 70 + 1e-6
        if not np.isnan(left):
            assert box.x <= left + 1e-6 and box.x + box.width >= right - 1e-6
            assert box.y <= top + 1e-6 and box.y + box.height >= bottom - 1e-6


def test_a_trembling_box_stands_still() -> None:
    rng = np.random.default_rng(0)
    edges = np.array([100, 100, 200, 180]) + rng.integers(-2, 3, (50, 4)).astype(float)
    (box,) = follow(edges, (400, 300))
    assert box.width <= STILL * 104 and box.height <= STILL * 84

"""Heat maps, zoom boxes and layouts against pictures whose differences are known."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from vera.errors import VeraError
from vera.evaluation.reports.run.heat import FULL, OUTSIDE, difference, heat_map
from vera.evaluation.reports.run.strips import (
    ACROSS,
    LONGEST,
    ZOOM,
    Box,
    choose_box,
    open_case,
    read_views,
    sheet,
    strip_places,
)  # fmt: skip
from vera.video import write_lossless

FRAMES, HIGH, WIDE = 6, 60, 96


def clip(value: int = 100) -> np.ndarray:
    return np.full((FRAMES, HIGH, WIDE, 3), value, np.uint8)


def save(folder: Path, **clips: np.ndarray) -> dict[str, Path]:
    for name, pictures in clips.items():
        write_lossless(folder / f"{name}.mkv", pictures)
    return {name: folder / f"{name}.mkv" for name in clips}


def test_a_difference_is_the_mean_of_the_channels() -> None:
    source = np.zeros((2, 2, 3), np.uint8)
    result = source.copy()
    result[0, 1] = (30, 0, 3)
    assert np.array_equal(difference(result, source), [[0, 11], [0, 0]])
    assert np.array_equal(difference(source, result), difference(result, source))


def test_the_scale_is_fixed_and_ends_at_its_end() -> None:
    levels = np.array([[0, FULL / 2, FULL, 255]], np.float32)
    picture = heat_map(levels, None)
    scale = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[None], cv2.COLORMAP_INFERNO)[0, :, ::-1]
    assert np.array_equal(picture[0], scale[[0, 128, 255, 255]])
    assert heat_map(levels * 0, None).max() <= 4  # no difference is black
    assert OUTSIDE not in {tuple(color) for color in scale.tolist()}


def test_what_is_not_preserved_has_a_colour_of_its_own() -> None:
    preserved = np.array([[True, False]])
    picture = heat_map(np.full((1, 2), 255, np.float32), preserved)
    assert tuple(picture[0, 1]) == OUTSIDE and tuple(picture[0, 0]) != OUTSIDE


def test_the_box_is_where_preserved_pixels_differ_most_and_the_still_when(tmp_path: Path) -> None:
    changed, region = clip(), np.full((FRAMES, HIGH, WIDE), 255, np.uint8)
    changed[:, 40:50, 70:80] = 140
    changed[4, 40:50, 70:80] = 160  # when it differs most
    changed[:, :20, :20] = 255  # the edit, which is not preserved
    region[:, :20, :20] = 0
    paths = save(tmp_path, source=clip(), one=changed, region=region)
    box, at = choose_box(open_case(paths["source"], {"one": paths["one"]}, paths["region"]))
    assert box.left * WIDE <= 70 and round((box.left + box.size) * WIDE) >= 80
    assert box.top * HIGH <= 40 and round((box.top + box.size) * HIGH) >= 50
    assert at == 4


def test_where_nothing_differs_the_box_is_in_the_middle(tmp_path: Path) -> None:
    paths = save(tmp_path, source=clip(), one=clip())
    box, at = choose_box(open_case(paths["source"], {"one": paths["one"]}, None))
    assert (box.left, box.top) == (pytest.approx(1 / 3), pytest.approx(1 / 3)) and at == 3


def test_a_box_is_cut_out() -> None:
    picture = np.arange(90 * 60).reshape(60, 90)
    cut = Box(1 / 3, 2 / 3).of(picture)
    assert cut.shape == (20, 30) and cut[0, 0] == picture[40, 30]
    assert Box(0.0, 0.0).size == 1 / ZOOM


def test_a_sheet_has_every_tile_in_its_place(tmp_path: Path) -> None:
    results = {f"m{number}": clip(100 + 10 * number) for number in range(7)}
    paths = save(tmp_path, source=clip(), **results)
    source = paths.pop("source")
    clips = open_case(source, paths, None)
    views = next(iter(read_views(clips)))
    picture = sheet(views, clips, tuple(results), Box(0.1, 0.1))
    wide, high = clips.tile
    assert picture.shape == (2 * 3 * high, ACROSS * wide, 3)
    for number, (column, row) in enumerate(strip_places(7)):
        middle = picture[row * 3 * high + high // 2 :: high, column * wide + wide // 2][:3]
        value = 100 if number == 0 else 100 + 10 * (number - 1)
        assert tuple(middle[0]) == tuple(middle[1]) == (value,) * 3
        heat = heat_map(np.full((1, 1), value - 100, np.float32), None)[0, 0]
        assert tuple(middle[2]) == (OUTSIDE if number == 0 else tuple(heat))
    assert tuple(picture[-1, -1]) == OUTSIDE  # nothing is there


def test_a_result_that_ends_early_leaves_grey(tmp_path: Path) -> None:
    paths = save(tmp_path, source=clip(), short=clip()[:2], whole=clip())
    source = paths.pop("source")
    clips = open_case(source, paths, None)
    shown = [set(views.results) for views in read_views(clips)]
    assert shown == [{"short", "whole"}] * 2 + [{"whole"}] * 4


def test_large_frames_are_reduced_and_results_brought_to_the_sources_size(tmp_path: Path) -> None:
    large = np.full((1, 720, 2 * LONGEST, 3), 90, np.uint8)
    paths = save(tmp_path, source=large, small=clip(90)[:1])
    clips = open_case(paths["source"], {"small": paths["small"]}, None)
    (views,) = read_views(clips)
    assert views.source.shape == views.results["small"].shape == (360, LONGEST, 3)
    assert views.heat("small").max() == 0


def test_a_clip_that_vanished_is_noted_and_a_source_that_did_is_told(tmp_path: Path) -> None:
    paths = save(tmp_path, source=clip())
    clips = open_case(paths["source"], {"gone": tmp_path / "gone.mp4"}, tmp_path / "gone.mkv")
    assert not clips.results and "gone.mp4" in clips.missing["gone"] and clips.preserved is None
    with pytest.raises(VeraError, match=r"nowhere\.mp4"):
        open_case(tmp_path / "nowhere.mp4", {}, None)

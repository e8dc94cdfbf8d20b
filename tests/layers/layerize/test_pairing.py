"""Frames of clips of other rates, lengths and beginnings find each other."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.clips import make_clip
from tests.layers.layerize.scenes import SIZE, disc, over, plate

from vera.layers.layerize.pairing import Times, candidates, choose, groups, sample_frames, thumbnail, unused_frames
from vera.video import open_clip


def info(tmp_path: Path, frames: int, fps: int) -> Times:
    return Times.of(
        open_clip(
            make_clip(
                tmp_path / f"{frames}-{fps}.mp4",
                frames,
                (32, 32),
                fps,
                time_base=Fraction(1, fps * 512),
                pts=[i * 512 for i in range(frames)],
            )
        )
    )


def test_equal_counts_pair_by_number(tmp_path: Path) -> None:
    # 24 frames a second edited by something that writes 16: frame for frame all the same.
    plain = candidates(info(tmp_path, 12, 24), info(tmp_path, 12, 16))[0]
    assert plain.name == "number" and plain.partners == tuple(range(12))


def test_half_the_rate(tmp_path: Path) -> None:
    source, edited = info(tmp_path, 12, 24), info(tmp_path, 6, 12)
    plain = candidates(source, edited)[0]
    assert plain.name == "time" and plain.count == 12
    found = groups(plain, source, edited)
    assert [group.edited for group in found] == list(range(6)) and [group.best for group in found] == [*range(0, 12, 2)]
    assert sorted(i for group in found for i in group.frames) == list(range(12))


def test_twice_the_rate(tmp_path: Path) -> None:
    plain = candidates(info(tmp_path, 6, 12), info(tmp_path, 12, 24))[0]
    assert plain.partners == (0, 2, 4, 6, 8, 10)


@pytest.mark.faults
@pytest.mark.parametrize(
    ("frames", "fps", "unused"), [(16, 24, 4), (9, 24, 0), (24, 48, 0), (30, 48, 6), (15, 30, 0), (8, 12, 2)]
)
def test_frames_outside_of_the_sources_time_are_counted(tmp_path: Path, frames: int, fps: int, unused: int) -> None:
    """Those that a higher rate has between others are not."""
    source, edited = info(tmp_path, 12, 24), info(tmp_path, frames, fps)
    by_time = candidates(source, edited)[0]
    assert by_time.name == "time" and unused_frames(by_time, source, edited) == unused


def test_a_shorter_edit_leaves_the_end_alone(tmp_path: Path) -> None:
    plain = candidates(info(tmp_path, 12, 24), info(tmp_path, 5, 24))[0]
    assert plain.partners == (0, 1, 2, 3, 4, *[None] * 7)


def chosen(source: Times, edited: Times, shown: list[int]) -> str:
    """The pairing of a clip whose edited frame i shows the source's frame `shown[i]`."""
    possible = candidates(source, edited)
    numbers = sample_frames(possible, 6)
    thumbs = {i: thumbnail(plate(0, t=i)) for i in numbers}
    others = {i: thumbnail(plate(0, t=at)) + np.float32(0.03) for i, at in enumerate(shown)}
    return choose(possible, thumbs, others).name


def test_pictures_decide(tmp_path: Path) -> None:
    source = info(tmp_path, 12, 24)
    assert chosen(source, info(tmp_path, 12, 16), list(range(12))) == "number"
    assert chosen(source, info(tmp_path, 8, 16), [round(i * 1.5) for i in range(8)]) == "time"
    assert chosen(source, info(tmp_path, 8, 16), list(range(8))) == "number"  # eight frames, at another speed
    assert chosen(source, info(tmp_path, 12, 24), [*range(1, 12), 11]) == "number -1"  # the first frame was dropped


def test_a_still_clip_pairs_plainly(tmp_path: Path) -> None:
    assert chosen(info(tmp_path, 12, 24), info(tmp_path, 8, 16), [0] * 8) == "time"


def test_a_new_background_does_not_decide(tmp_path: Path) -> None:
    # Behind a disc that moves by two pixels a frame there is smooth, bright scenery that creeps the other way.
    possible = candidates(info(tmp_path, 12, 24), info(tmp_path, 12, 25))
    alpha = disc(SIZE, 80, 48, 30)
    source = {i: thumbnail(plate(0, t=i)) for i in sample_frames(possible, 6)}
    scenery = [cv2.GaussianBlur(plate(3, t=12 - i), (0, 0), 6) + np.float32(0.1) for i in range(12)]
    edited = {i: thumbnail(over(scenery[i], plate(0, t=i), alpha)) for i in range(12)}
    assert choose(possible, source, edited).name == "number"


@pytest.mark.faults
@pytest.mark.parametrize("moving", [True, False])
@pytest.mark.parametrize("to", [0.0, 1.0])
@pytest.mark.parametrize("begins", [True, False])
def test_a_fade_is_no_delay(tmp_path: Path, moving: bool, to: float, begins: bool) -> None:
    """In a fade a neighbour that shows more of the picture looked more like the source than the frame itself."""
    possible = candidates(info(tmp_path, 12, 24), info(tmp_path, 12, 25))
    source = [plate(0, t=i if moving else 0) for i in range(12)]
    faded = [i / 11 if begins else 1 - i / 11 for i in range(12)]
    edited = {i: thumbnail(source[i] * np.float32(faded[i]) + np.float32(to * (1 - faded[i]))) for i in range(12)}
    thumbs = {i: thumbnail(source[i]) for i in sample_frames(possible, 6)}
    assert choose(possible, thumbs, edited).name == "number"


@pytest.mark.faults
@pytest.mark.parametrize("frames", [3, 5, 7, 12])
@pytest.mark.parametrize("at", [0, 1, 2, 3, 4, 5, 6])
def test_a_flash_in_a_short_clip_is_no_delay(tmp_path: Path, frames: int, at: int) -> None:
    """Of five frames all pairings have the middle one alone in common, which decided by itself."""
    possible = candidates(info(tmp_path, frames, 24), info(tmp_path, frames, 25))
    flash = [0.9 if i == at else 0.0 for i in range(frames)]
    edited = {i: thumbnail(plate(0, t=i) * np.float32(1 - flash[i]) + np.float32(flash[i])) for i in range(frames)}
    thumbs = {i: thumbnail(plate(0, t=i)) for i in sample_frames(possible, 6)}
    assert choose(possible, thumbs, edited).name == "number"


def test_nothing_but_blank_frames_pairs_plainly(tmp_path: Path) -> None:
    possible = candidates(info(tmp_path, 12, 24), info(tmp_path, 12, 25))
    thumbs = {i: thumbnail(plate(0, t=i)) for i in sample_frames(possible, 6)}
    blank = thumbnail(np.zeros((SIZE[1], SIZE[0], 3), np.float32))
    assert choose(possible, thumbs, dict.fromkeys(range(12), blank)).name == "number"

"""Clips as pictures and as files."""

import base64
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.clips import make_clip

from vera.errors import VeraError
from vera.video import FrameReader, model_view, open_clip
from vera.vlm import image_parts, video_part
from vera.vlm.media import even_frames, fitting_size
from vera.vlm.question import Part


def picture(part: Part) -> np.ndarray:
    head, _, data = part["image_url"]["url"].partition(",")
    assert part["type"] == "image_url" and head in ("data:image/png;base64", "data:image/jpeg;base64")
    found = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert found is not None
    return found


def test_pictures_are_what_the_display_shows(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 9)
    shown = image_parts(path, 5, picture="png")
    with FrameReader(path) as frames:
        views = [model_view(frame, 64, 48) for frame in frames]
    assert all(np.array_equal(picture(part), views[2 * index]) for index, part in enumerate(shown)) and len(shown) == 5
    lossy = [picture(part).astype(int) for part in image_parts(path, 5)]
    distances = np.array([[np.abs(one - picture(exact)).mean() for exact in shown] for one in lossy])
    assert distances.argmin(1).tolist() == [0, 1, 2, 3, 4]


def test_turned_clips_and_long_pixels_are_upright(tmp_path: Path) -> None:
    turned = make_clip(tmp_path / "turned.mp4", 1, rotation=90)
    assert [picture(part).shape for part in image_parts(turned)] == [(64, 48, 3)]
    wide = make_clip(tmp_path / "wide.mp4", 1, sample_aspect=Fraction(2))
    assert fitting_size(open_clip(wide), 768) == (128, 48) and fitting_size(open_clip(wide), 64) == (64, 24)


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_short_clips_are_shown_whole(frames: int, tmp_path: Path) -> None:
    assert len(image_parts(make_clip(tmp_path / "a.mp4", frames))) == frames


def test_frames_of_a_clip_with_uneven_times_are_even_in_time(tmp_path: Path) -> None:
    # Half a second at 40 frames a second, then half a second at 4.
    times = [*range(0, 500, 25), 500, 750, 1000]
    clip = open_clip(make_clip(tmp_path / "a.mkv", len(times), pts=times, time_base=Fraction(1, 1000)))
    assert [times[index] for index in even_frames(clip, 5)] == [0, 250, 500, 750, 1000]


class Times:
    def __init__(self, pts: list[int]) -> None:
        self.pts = tuple(pts)


@given(st.sets(st.integers(0, 10_000), min_size=1, max_size=60), st.integers(1, 40))
def test_even_frames_are_the_nearest(times: set[int], count: int) -> None:
    clip = Times(sorted(times))
    chosen = even_frames(clip, count)  # type: ignore[arg-type]
    assert chosen == sorted(set(chosen)) and len(chosen) <= count and chosen[0] == 0
    for wanted in np.linspace(clip.pts[0], clip.pts[-1], min(count, len(clip.pts))):
        nearest = min(abs(time - wanted) for time in clip.pts)
        assert min(abs(clip.pts[index] - wanted) for index in chosen) == pytest.approx(nearest)


def test_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.MP4", 2)
    part = video_part(path)
    head, _, data = part["video_url"]["url"].partition(",")
    assert head == "data:video/mp4;base64" and base64.b64decode(data) == path.read_bytes()


def test_files_that_endpoints_do_not_take_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VeraError, match="send frames of it instead"):
        video_part(make_clip(tmp_path / "a.mkv", 2))
    monkeypatch.setattr("vera.vlm.media.VIDEO_LIMIT", 100)
    with pytest.raises(VeraError, match="at most 100"):
        video_part(make_clip(tmp_path / "a.mp4", 2))


def test_no_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="at least 1"):
        image_parts(make_clip(tmp_path / "a.mp4", 2), 0)

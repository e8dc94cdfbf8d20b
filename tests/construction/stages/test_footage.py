"""Clips out of sources: exact cuts, times and frames."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.clips import make_clip, samples

from vera.construction.engine.stage import Item
from vera.construction.stages.footage import Proxy, Split, find_cuts, read_from, shown_frames, windows
from vera.errors import VeraError
from vera.video import FrameReader, open_clip, read_lossless, write_lossless


def noise(seed: int, count: int) -> np.ndarray:
    """A smooth picture that drifts: `count` frames of 64x48."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 10, 3))
    picture = np.kron(small, np.ones((16, 16, 1))).astype(np.uint8)[:, :160]
    return np.stack([picture[:48, t : t + 64] for t in range(count)])


def item(path: Path, out: Path, **about: object) -> Item:
    out.mkdir()
    source = {"path": str(path), "state": [path.stat().st_size, path.stat().st_mtime_ns]}
    return Item("0" * 16, "", {**source, **about}, source, {}, {}, out, out)


def test_cuts_and_windows(tmp_path: Path) -> None:
    clip = np.concatenate([noise(0, 40), noise(1, 30), noise(2, 6)])
    write_lossless(tmp_path / "a.mkv", clip, Fraction(16))
    opened = open_clip(tmp_path / "a.mkv")
    assert [opened.pts.index(cut) for cut in find_cuts(opened)] == [0, 40, 70]
    found = Split(17).run(item(tmp_path / "a.mkv", tmp_path / "out")).facts
    starts = [opened.pts.index(about["first_pts"]) for about in found["clips"]]
    assert starts == [0, 17, 40] and found["short"] == 1
    assert len({about["id"] for about in found["clips"]}) == 3
    first, second, third = (about["shot"] for about in found["clips"])
    assert first == second != third


@pytest.mark.parametrize("codec", [".mkv", ".mp4"])
def test_a_clip_is_the_frames_of_its_times(tmp_path: Path, codec: str) -> None:
    clip = noise(0, 60)
    path = tmp_path / f"a{codec}"
    write_lossless(path, clip, Fraction(32))
    pts = open_clip(path).pts
    about = {"first_pts": pts[9], "last_pts": pts[9 + 32], "frames": 17}
    Proxy((64, 48)).run(item(path, tmp_path / "out", **about))
    np.testing.assert_array_equal(read_lossless(tmp_path / "out/frames.mkv"), clip[9:42:2])


X264 = {"preset": "veryfast", "g": "24", "bf": "3"}


@pytest.mark.faults
@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        (".mp4", "libx264", X264 | {"x264-params": "open-gop=1:scenecut=0:b-adapt=0"}),
        (".mkv", "libx264", X264 | {"x264-params": "open-gop=1:scenecut=0:b-adapt=0"}),
        (".mp4", "libx265", {"x265-params": "keyint=24:min-keyint=24:open-gop=1:log-level=0"}),
        (".ts", "libx264", X264),
        (".ts", "mpeg2video", {"g": "15", "bf": "2"}),
        (".mpg", "mpeg2video", {"g": "15", "bf": "2"}),
        (".webm", "libvpx-vp9", {"g": "24", "deadline": "realtime", "cpu-used": "8"}),
        (".avi", "mpeg4", {"g": "15", "bf": "2"}),
    ],
)
def test_clips_of_a_file_are_those_of_reading_it_in_order(
    tmp_path: Path, suffix: str, codec: str, options: dict[str, str]
) -> None:
    clip = open_clip(make_clip(tmp_path / f"a{suffix}", frames=110, fps=24, codec=codec, options=options))
    end = clip.pts[-1] + 1
    found = list(windows(clip, clip.pts[0], end, 9))
    assert len(found) >= 7
    for first, last in found:
        with FrameReader(clip.footage) as one, FrameReader(clip.footage) as other:
            entered, in_order = (
                samples(shown_frames(frames, first, last, 9, clip.time_base))
                for frames in (read_from(one, clip, first), iter(other))
            )
            assert entered == in_order
            assert not [at for at in one.damaged if first <= at / clip.time_base <= last]


def test_a_file_that_was_replaced_is_not_taken_for_the_one_hashed(tmp_path: Path) -> None:
    write_lossless(tmp_path / "a.mkv", noise(0, 20), Fraction(16))
    before = item(tmp_path / "a.mkv", tmp_path / "out")
    write_lossless(tmp_path / "a.mkv", noise(1, 30), Fraction(16))
    with pytest.raises(VeraError, match="was changed or replaced"):
        Split(17).run(before)


def test_frames_are_scaled_to_cover_and_cropped_in_the_middle(tmp_path: Path) -> None:
    clip = np.zeros((5, 48, 96, 3), np.uint8)
    clip[:, :, 24:72] = 200
    write_lossless(tmp_path / "a.mkv", clip, Fraction(16))
    pts = open_clip(tmp_path / "a.mkv").pts
    about = {"first_pts": pts[0], "last_pts": pts[-1], "frames": 5}
    Proxy((48, 48)).run(item(tmp_path / "a.mkv", tmp_path / "out", **about))
    assert (read_lossless(tmp_path / "out/frames.mkv") == 200).all()


@given(st.lists(st.integers(1, 200), min_size=2, max_size=60), st.integers(1, 30))
def test_each_frame_is_the_one_shown_at_its_time(steps: list[int], count: int) -> None:
    times = np.cumsum([0, *steps]).tolist()
    frames = []
    for pts in times:
        frame = av.VideoFrame(16, 16, "gray")
        frame.pts = pts
        frames.append(frame)
    shown = [frame.pts for frame in shown_frames(iter(frames), 0, times[-1], count, Fraction(1, 1000))]
    ends = [*(after for _, after in pairwise(times)), np.inf]
    for number, pts in enumerate(shown):
        at = number * 1000 / 16 + 1  # containers round
        assert pts <= at < ends[times.index(pts)]
    assert len(shown) == count

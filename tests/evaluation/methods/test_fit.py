"""The rule of folders on odd clips: each is brought to the source's size and length as said, or refused in a line."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.clips import make_clip
from tests.evaluation.benchmarks import RATE, texture, write_timed
from tests.video.test_orientation import stamped

from vera.errors import VeraError
from vera.evaluation.cases.views import read_frames
from vera.evaluation.methods.fit import LATE, fit_clip, nearest_frames
from vera.video import Clip, open_clip, write_lossless

TIMES = [number / 10 for number in range(10)]


@pytest.fixture
def source(tmp_path: Path) -> Clip:
    write_lossless(tmp_path / "source.mkv", texture(), RATE)
    return open_clip(tmp_path / "source.mkv")


def fitted(tmp_path: Path, path: Path, source: Clip) -> np.ndarray:
    """The frames of a clip as they are measured, from a file beside it."""
    found = read_frames(fit_clip(path, source, tmp_path / "fitted.mkv"))
    assert found.shape == (source.frame_count, *source.display_size[::-1], 3)
    return found


def test_a_clip_like_the_source_is_taken_as_it_is(tmp_path: Path, source: Clip) -> None:
    write_lossless(tmp_path / "same.mkv", texture(1), RATE)
    assert fit_clip(tmp_path / "same.mkv", source, tmp_path / "fitted.mkv") == tmp_path / "same.mkv"
    assert not (tmp_path / "fitted.mkv").exists()


@pytest.mark.faults
def test_a_folder_of_pictures_becomes_a_file(tmp_path: Path, source: Clip) -> None:
    frames = texture(1)
    (tmp_path / "pictures").mkdir()
    for number, picture in enumerate(frames):
        cv2.imwrite(str(tmp_path / "pictures" / f"{number:03}.png"), picture[..., ::-1])
    assert fit_clip(tmp_path / "pictures", source, tmp_path / "fitted.mkv") == tmp_path / "fitted.mkv"
    assert np.array_equal(read_frames(tmp_path / "fitted.mkv"), frames)


def test_another_rate_gives_the_nearest_frames_in_time(tmp_path: Path, source: Clip) -> None:
    frames = texture(1, frames=20)
    write_lossless(tmp_path / "fast.mkv", frames, Fraction(20))
    assert np.array_equal(fitted(tmp_path, tmp_path / "fast.mkv", source), frames[::2])
    write_lossless(tmp_path / "slow.mkv", frames[:5], Fraction(5))
    assert np.array_equal(fitted(tmp_path, tmp_path / "slow.mkv", source), frames[[0, 0, 1, 1, 2, 2, 3, 3, 4, 4]])


@pytest.mark.faults
def test_a_source_of_fine_times(tmp_path: Path) -> None:
    times = np.cumsum(np.random.default_rng(0).integers(-9000, 9000, 307) + 333333).tolist()
    muxer = {"video_track_timescale": "10000000"}
    source = open_clip(make_clip(tmp_path / "a.mp4", 307, fps=30, pts=times, time_base=Fraction(1, 10**7), muxer=muxer))
    assert source.average_rate.numerator >= 2**31
    write_lossless(tmp_path / "same.mkv", np.zeros((307, 24, 32, 3), np.uint8), Fraction(30))
    fitted(tmp_path, tmp_path / "same.mkv", source)


def test_as_many_frames_go_one_to_one_whatever_their_times(tmp_path: Path, source: Clip) -> None:
    frames = texture(1)
    write_lossless(tmp_path / "rate.mkv", frames, Fraction(24))
    assert np.array_equal(fitted(tmp_path, tmp_path / "rate.mkv", source), frames)
    times = [0, 0.01, 0.02, 0.3, 0.31, 0.5, 1.2, 1.3, 1.31, 2]
    assert np.array_equal(fitted(tmp_path, write_timed(tmp_path / "vfr.mkv", frames, times), source), frames)


def test_a_varying_rate_gives_the_nearest_frames_too(tmp_path: Path, source: Clip) -> None:
    frames = texture(1, frames=6)
    clip = write_timed(tmp_path / "vfr.mkv", frames, [0.0, 0.05, 0.21, 0.45, 0.61, 0.9])
    assert np.array_equal(fitted(tmp_path, clip, source), frames[[0, 1, 2, 2, 3, 3, 4, 4, 5, 5]])


def test_larger_clips_are_averaged_and_smaller_ones_grow_by_cubics(tmp_path: Path, source: Clip) -> None:
    for name, frames, how in (
        ("large", texture(1, height=96, width=128), cv2.INTER_AREA),
        ("small", texture(1, height=24, width=32), cv2.INTER_CUBIC),
    ):
        write_lossless(tmp_path / f"{name}.mkv", frames, RATE)
        expected = np.stack([cv2.resize(frame, (64, 48), interpolation=how) for frame in frames])
        assert np.array_equal(fitted(tmp_path, tmp_path / f"{name}.mkv", source), expected)


def test_a_turned_clip_is_made_upright(tmp_path: Path) -> None:
    one = 1 << 16
    turned = stamped(tmp_path, (0, one, 0, -one, 0, 0, 0, 0, 1 << 30))
    upright = read_frames(turned)
    assert upright.shape[1:3] == (64, 48), "64x48 on disk"
    write_lossless(tmp_path / "source.mkv", texture(0, 3, 64, 48), RATE)
    assert np.array_equal(fitted(tmp_path, turned, open_clip(tmp_path / "source.mkv")), upright)


def test_ten_bits_are_rounded_to_eight(tmp_path: Path, source: Clip) -> None:
    frames = texture(1)
    clip = write_timed(tmp_path / "deep.mkv", frames, TIMES, "ffv1", "gbrp10le")
    assert open_clip(clip).bit_depth == 10
    assert np.abs(fitted(tmp_path, clip, source).astype(int) - frames).max() <= 1


def test_an_opaque_alpha_is_left_out_and_a_transparent_one_refused(tmp_path: Path, source: Clip) -> None:
    opaque = np.concatenate([texture(1), np.full((*texture().shape[:3], 1), 255, np.uint8)], axis=-1)
    clip = write_timed(tmp_path / "opaque.mkv", opaque, TIMES, "ffv1", "bgra")
    assert np.array_equal(fitted(tmp_path, clip, source), opaque[..., :3])
    opaque[7, 5, 5, 3] = 254
    with pytest.raises(VeraError, match=r"clear\.mkv: is partly transparent; .* lay it over the source first"):
        fit_clip(write_timed(tmp_path / "clear.mkv", opaque, TIMES, "ffv1", "bgra"), source, tmp_path / "fitted.mkv")
    assert not (tmp_path / "out.mkv").exists()


def test_a_frame_or_two_may_be_missing_at_the_end(tmp_path: Path, source: Clip) -> None:
    frames = texture(1)
    write_lossless(tmp_path / "short.mkv", frames[:8], RATE)
    assert np.array_equal(fitted(tmp_path, tmp_path / "short.mkv", source), frames[[*range(8), 7, 7]])
    write_lossless(tmp_path / "shorter.mkv", frames[:7], RATE)
    with pytest.raises(VeraError, match=r"7 frames of 0.60 s cannot stand for 10 frames of 0.90 s"):
        fit_clip(tmp_path / "shorter.mkv", source, tmp_path / "fitted.mkv")


def test_a_hole_and_a_longer_clip_are_refused(tmp_path: Path, source: Clip) -> None:
    hole = write_timed(tmp_path / "hole.mkv", texture(1, frames=6), [0, 0.1, 0.7, 0.75, 0.8, 0.9])
    with pytest.raises(VeraError, match=r"has none within 0\.25 s"):
        fit_clip(hole, source, tmp_path / "fitted.mkv")
    write_lossless(tmp_path / "long.mkv", texture(1, frames=13), RATE)
    with pytest.raises(VeraError, match="or there is more of it"):
        fit_clip(tmp_path / "long.mkv", source, tmp_path / "fitted.mkv")


def test_another_framing_is_refused(tmp_path: Path, source: Clip) -> None:
    write_lossless(tmp_path / "wide.mkv", texture(1, height=48, width=68), RATE)  # 6 % wider
    assert fitted(tmp_path, tmp_path / "wide.mkv", source).shape[2] == 64
    write_lossless(tmp_path / "square.mkv", texture(1, height=48, width=48), RATE)
    with pytest.raises(VeraError, match=r"is 1.000 times as wide as high, the source 1.333: another framing"):
        fit_clip(tmp_path / "square.mkv", source, tmp_path / "fitted.mkv")


def test_what_cannot_be_read_is_refused(tmp_path: Path, source: Clip) -> None:
    (tmp_path / "text.mp4").write_text("this is no video")
    with pytest.raises(VeraError, match=r"text\.mp4"):
        fit_clip(tmp_path / "text.mp4", source, tmp_path / "fitted.mkv")
    write_lossless(tmp_path / "cut.mp4", texture(1), RATE)
    whole = (tmp_path / "cut.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(VeraError, match=r"cut\.mp4"):
        fit_clip(tmp_path / "cut.mp4", source, tmp_path / "fitted.mkv")


class Times:
    """As much of a clip as times are read from."""

    def __init__(self, pts: list[int]) -> None:
        self.path, self.pts, self.time_base, self.frame_count = Path("clip"), tuple(pts), Fraction(1, 100), len(pts)


rising = st.lists(st.integers(0, 200), min_size=1, max_size=30, unique=True).map(sorted)


@given(rising, rising)
def test_the_nearest_frame_is_never_beaten(own: list[int], others: list[int]) -> None:
    clip, source = Times(own), Times(others)
    try:
        chosen = nearest_frames(clip, source)  # type: ignore[arg-type]
    except VeraError:
        reach = float(LATE) * 100
        gaps = [min(abs((o - own[0]) - (s - others[0])) for o in own) for s in others]
        assert max(gaps) > reach or (own[-1] - own[0]) - (others[-1] - others[0]) > reach
        return
    assert chosen == sorted(chosen) and len(chosen) == len(others)
    if len(own) != len(others):
        for index, s in zip(chosen, others, strict=True):
            distances = [abs((o - own[0]) - (s - others[0])) for o in own]
            assert index == distances.index(min(distances)), "the earlier of two"

"""PCM whose times have holes, or go back, is heard when the source's is, which copies by FFmpeg to .mov are not."""

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.clips import make_clip
from tests.executable import ffmpeg
from tests.video.carried.test_kept import broken

from vera.video import FrameWriter, open_clip
from vera.video.carried.pcm import Pcm, end_of, evened

RATE = 48000


def heard(path: Path) -> NDArray[np.bool_]:
    """Whether there is sound, for each hundredth of a second, each packet at its own time."""
    found = np.zeros(300, bool)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            assert frame.pts is not None and frame.time_base is not None
            samples = np.abs(frame.to_ndarray().astype(np.float64)).reshape(-1)
            if samples.max() > 0:
                first = float(frame.pts * frame.time_base)
                found[int(first * 100) : math.ceil((first + frame.samples / RATE) * 100)] = True
    return found


def copied(source: Path, result: Path) -> None:
    clip = open_clip(source)
    with clip.frames() as reader, FrameWriter(result, clip, audio_from=source) as writer:
        for frame in reader:
            writer.write(frame)


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
@pytest.mark.parametrize(("codec", "seconds"), [("pcm_s16le", 0.5), ("pcm_s24le", 1.3), ("pcm_f32le", 0.1)])
def test_sound_after_a_hole_is_heard_in_time(tmp_path: Path, codec: str, seconds: float, suffix: str) -> None:
    source, result = tmp_path / "a.mkv", tmp_path / f"b{suffix}"
    inputs = ("-i", make_clip(tmp_path / "a.mp4", 50), "-f", "lavfi", "-i", f"anoisesrc=r={RATE}:d=2:a=0.5")
    hole = f"aselect='lt(t,0.4)+gte(t,{0.4 + seconds})'"
    ffmpeg(*inputs, "-c:v", "copy", "-af", hole, "-c:a", codec, source, silent=False)
    copied(source, result)
    before, after = heard(source), heard(result)
    assert before[:35].all() and not before[48 : 38 + round(seconds * 100)].any() and before[45 + round(seconds * 100)]
    assert np.count_nonzero(before != after) <= 6  # packets are cut otherwise
    assert broken(source, result) is None


@pytest.mark.parametrize("suffix", [".mov", ".mp4"])
def test_what_is_there_twice_moves_nothing(tmp_path: Path, suffix: str) -> None:
    """As after a cut within a packet."""
    source, result = tmp_path / "a.mkv", tmp_path / f"b{suffix}"
    inputs = ("-i", make_clip(tmp_path / "a.mp4", 50), "-f", "lavfi", "-i", f"anoisesrc=r={RATE}:d=2:a=0.5:n=4800")
    times = "setts=ts='TS-if(gte(N,10),2400,0)'"  # samples
    ffmpeg(*inputs, "-c:v", "copy", "-c:a", "pcm_s16le", "-bsf:a", times, source, silent=False)
    copied(source, result)
    with av.open(str(result)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == pytest.approx(1.95 * RATE, abs=100)
    assert broken(source, result) is None


@given(st.lists(st.tuples(st.integers(-3000, 200_000), st.integers(1, 3000)), max_size=6), st.sampled_from([2, 3, 8]))
def test_samples_follow_one_another_and_are_no_further_from_their_times_than_a_step(
    packets: list[tuple[int, int]], block: int
) -> None:
    pcm, begin, end, place = Pcm(RATE, block, b"\0"), Fraction(1, 3), None, 0
    for step, count in packets:
        place += step
        time = begin + Fraction(place, RATE)
        for at, data in evened(pcm, time if end is None else end, time, b"\1" * (count * block)):
            assert end is None or at == end
            end = end_of(pcm, at, data)
            assert len(data) % block == 0 and len(set(data)) == 1
        assert end is None or end >= time + Fraction(count, RATE) - Fraction(1, 50)
        place += count

"""Frames that are damaged in the middle of a clip: told with their times, and the rest is read."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.clips import make_clip, samples

from vera.errors import DamageWarning, VeraError
from vera.video import FrameReader, open_clip, planes

COUNT, BAD = 20, 10
# Codec: file, pixel format, size, options.
CLIPS: dict[str, tuple[str, str, tuple[int, int], Mapping[str, str]]] = {
    "ffv1": ("a.mkv", "yuv420p", (64, 48), {"level": "3", "slicecrc": "1", "g": "1"}),
    "mjpeg": ("a.mov", "yuvj420p", (64, 48), {}),
    "png": ("a.mov", "rgb24", (64, 48), {}),
    "prores_ks": ("a.mov", "yuv422p10le", (64, 48), {"profile": "hq"}),
    "dnxhd": ("a.mov", "yuv422p10le", (256, 128), {"profile": "dnxhr_hqx"}),
    "libx264": ("a.mp4", "yuv420p", (64, 48), {"crf": "10", "bf": "2"}),
    "libx265": ("a.mkv", "yuv420p10le", (64, 48), {"x265-params": "log-level=none:keyint=6"}),
    "libsvtav1": ("a.mp4", "yuv420p", (64, 64), {"svtav1-params": "lp=1", "crf": "20"}),
}
INTRA = ("ffv1", "mjpeg", "png", "prores_ks", "dnxhd")


def damage(path: Path, numbers: tuple[int, ...], seed: int = 0) -> list[Fraction]:
    """Overwrite the packets of these numbers, in file order, with noise; returns their times in seconds."""
    with av.open(str(path)) as container:
        packets = [(bytes(p), p.pts * p.time_base) for p in container.demux(video=0) if p.size]
    data, random = path.read_bytes(), np.random.default_rng(seed)
    for number in numbers:
        payload = packets[number][0]
        assert data.count(payload) == 1
        data = data.replace(payload, random.bytes(len(payload)))
    path.write_bytes(data)
    return [packets[number][1] for number in numbers]


def largest(path: Path) -> int:
    """Number of the largest packet that is predicted: not one that only repeats."""
    with av.open(str(path)) as container:
        sizes = [packet.size * (not packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
    return max(range(len(sizes)), key=sizes.__getitem__)


def read(path: Path) -> tuple[list[av.VideoFrame], list[Fraction]]:
    with FrameReader(path) as reader:
        return list(reader), reader.damaged


def make(folder: Path, codec: str, frames: int = COUNT) -> Path:
    name, pix_fmt, size, options = CLIPS[codec]
    return make_clip(folder / name, frames, size, codec=codec, pix_fmt=pix_fmt, options=options)


@pytest.mark.parametrize("codec", CLIPS)
def test_a_damaged_frame_is_told_and_the_rest_is_read(tmp_path: Path, codec: str) -> None:
    clip = make(tmp_path, codec)
    whole, none = read(clip)
    assert none == []
    (time,) = damage(clip, (BAD if codec in INTRA else largest(clip),))
    with pytest.warns(DamageWarning, match=rf"a\.\w+: \d+ of its {COUNT} frames .* damaged, at .*{float(time):.3f}"):
        frames, damaged = read(clip)
    assert time in damaged
    assert [frame.pts for frame in frames] == [frame.pts for frame in whole] == list(open_clip(clip).pts)
    if codec in INTRA:
        # Nothing is predicted from it.
        assert damaged == [time]
        before, after = samples(whole), samples(frames)
        changed = [index for index in range(COUNT) if before[index] != after[index]]
        assert changed == [BAD]


def test_a_frame_of_which_nothing_is_left_repeats_the_one_before(tmp_path: Path) -> None:
    clip = make(tmp_path, "mjpeg")
    damage(clip, (5, 6, COUNT - 1))
    with pytest.warns(DamageWarning, match="3 of its 20 frames are damaged, at 0.200, 0.240, 0.760 s"):
        frames, _ = read(clip)
    pictures = samples(frames)
    assert pictures[5] == pictures[6] == pictures[4]
    assert pictures[-1] == pictures[-2] != pictures[-3]


def test_the_first_frame_is_damaged(tmp_path: Path) -> None:
    clip = make(tmp_path, "mjpeg")
    damage(clip, (0, 1))
    with pytest.warns(DamageWarning, match=r"at 0\.000, 0\.040 s"):
        frames, _ = read(clip)
    pictures = samples(frames)
    assert pictures[0] == pictures[1] == pictures[2] != pictures[3]
    assert open_clip(clip).frame_count == COUNT


@pytest.mark.parametrize("name", ["a.avi", "a.ts"])
def test_containers_that_count_otherwise(tmp_path: Path, name: str) -> None:
    codec = "mjpeg" if name == "a.avi" else "mpeg2video"
    clip = make_clip(tmp_path / name, COUNT, codec=codec, pix_fmt="yuvj420p" if codec == "mjpeg" else "yuv420p")
    times = [frame.pts for frame in read(clip)[0]]
    with av.open(str(clip)) as container:
        start, size = [(p.pos, p.size) for p in container.demux(video=0) if p.size][BAD]
    data = bytearray(clip.read_bytes())
    # All of a packet, or a few bytes in the transport stream's own packet of 188 bytes.
    begin, length = (start, size) if codec == "mjpeg" else (start + 200, 4)
    data[begin : begin + length] = bytes(length)
    clip.write_bytes(data)
    with pytest.warns(DamageWarning, match=r"1 of its 20 frames is damaged, at 0\.4\d0 s"):
        frames, _ = read(clip)
    assert [frame.pts for frame in frames] == times


def test_the_last_frames_while_threads_are_at_work(tmp_path: Path) -> None:
    # Frames that are still being decoded when the file ends must not go down with a damaged one among them.
    clip = make(tmp_path, "png")
    whole = samples(read(clip)[0])
    times = damage(clip, (COUNT - 2,))
    with pytest.warns(DamageWarning):
        frames, damaged = read(clip)
    assert damaged == times
    assert samples(frames)[-1] == whole[-1]


@pytest.mark.parametrize("codec", ["mjpeg", "png"])
def test_more_than_half_is_too_much(tmp_path: Path, codec: str) -> None:
    clip = make(tmp_path, codec)
    damage(clip, tuple(range(1, 13)))
    with pytest.raises(VeraError, match="12 of its 20 frames can't be decoded; copy or export it again"):
        read(clip)
    damage(clip, (0, *range(13, COUNT)), seed=1)
    for work in (read, open_clip):
        with pytest.raises(VeraError, match="is damaged, none of its frames can be decoded; copy or export it again"):
            work(clip)


def test_many_times_are_cut_short(tmp_path: Path) -> None:
    clip = make(tmp_path, "mjpeg", 30)
    damage(clip, tuple(range(10, 22)))
    with pytest.warns(DamageWarning, match=r"12 of its 30 frames are damaged, at (\d\.\d{3}, ){9}\d\.\d{3} \.\.\. s"):
        assert len(read(clip)[1]) == 12


def test_stand_ins_have_memory_of_their_own(tmp_path: Path) -> None:
    clip = make(tmp_path, "mjpeg")
    damage(clip, (5,))
    with pytest.warns(DamageWarning):
        frames, _ = read(clip)
    planes(frames[5])[0][...] = 0
    assert planes(frames[4])[0].any()

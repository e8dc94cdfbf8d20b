"""Files that keep no times: a frame's time is the slot of its packet, and what shows nothing moves nothing."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from tests.clips import make_clip, samples
from tests.executable import ffmpeg

from vera.errors import DamageWarning
from vera.video import FrameReader, FrameWriter, open_clip

pytestmark = pytest.mark.faults

CODECS = {
    "ffvhuff": (),
    "mpeg4": ("-bf", 0),
    "mpeg4 B": ("-bf", 2),
    "libx264": ("-bf", 0),
    "libx264 B": ("-bf", 3),
    "rawvideo": (),
}


def counting(path: Path, codec: str, keep: str = "1", frames: int = 40) -> Path:
    """A clip whose pictures show their number as their brightness, of the frames `keep` (an expression of n)."""
    picture = f"color=gray:size=64x48:rate=25,geq=lum='20+N*5':cb=128:cr=128,select='{keep}',format=yuv420p"
    name, *_ = codec.split()
    ffmpeg(
        *("-f", "lavfi", "-i", picture, "-t", frames / 25, "-fps_mode", "vfr", "-c:v", name),
        *(*CODECS[codec], "-g", 12, *(("-q:v", 2) if "264" not in name else ("-crf", 10)), path),
        silent=False,
    )
    return path


def read(path: Path) -> tuple[list[int], list[int]]:
    """Times, and the numbers that the pictures show."""
    with FrameReader(path) as reader:
        frames = list(reader)
    return [frame.pts for frame in frames], [round((memoryview(frame.planes[0])[650] - 20) / 5) for frame in frames]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("keep", ["not(between(n,10,19))", "not(mod(n,3)*(1-mod(n,2)))", "lt(n,5)+gt(n,30)"])
def test_empty_slots_of_avi_keep_their_time(tmp_path: Path, codec: str, keep: str) -> None:
    clip = counting(tmp_path / "null.avi", codec, keep)
    times, numbers = read(clip)
    assert len(times) < 40 and all(a < b for a, b in pairwise(times))
    assert times == list(open_clip(clip).pts)
    # Over a hole near an end of the file packets that are reordered do not tell exactly where it is.
    room = 2 if codec.endswith("B") else 0
    assert max(abs(time - number) for time, number in zip(times, numbers, strict=True)) <= room


def test_the_result_is_as_long_as_the_sound(tmp_path: Path) -> None:
    clip = counting(tmp_path / "null.avi", "ffvhuff", "not(between(n,10,19))", 50)
    info = open_clip(clip)
    with FrameReader(clip) as reader, FrameWriter(tmp_path / "out.mkv", info) as writer:
        for frame in reader:
            writer.write(frame)
    written = open_clip(tmp_path / "out.mkv")
    assert [time * written.time_base for time in written.pts] == [
        Fraction(number, 25) for number in (*range(10), *range(20, 50))
    ]


@pytest.mark.parametrize("name", ["a.h264", "a.hevc", "a.m4v", "a.m2v", "a.wmv"])
def test_files_without_times_count_on(tmp_path: Path, name: str) -> None:
    codec = {"a.hevc": "libx265", "a.m4v": "mpeg4", "a.m2v": "mpeg2video"}.get(name, "libx264")
    clip, form = tmp_path / name, {"a.m4v": ("-f", "m4v")}.get(name, ())
    quiet = ("-x265-params", "log-level=none") if codec == "libx265" else ()
    made = "testsrc2=size=64x48:rate=25:duration=0.8"
    ffmpeg("-f", "lavfi", "-i", made, "-pix_fmt", "yuv420p", "-c:v", codec, *quiet, "-bf", 2, *form, clip, silent=False)
    info = open_clip(clip)
    assert [time * info.time_base for time in info.pts] == [Fraction(number, 25) for number in range(20)]
    with FrameReader(clip) as reader:
        assert [frame.pts for frame in reader] == list(info.pts)


@pytest.mark.parametrize("bad", [3, 9])
def test_a_lost_picture_keeps_its_slot(tmp_path: Path, bad: int) -> None:
    clip = make_clip(tmp_path / "a.avi", 12, codec="mjpeg", pix_fmt="yuvj420p")
    whole = read(clip)[0]
    with FrameReader(clip) as reader:
        before = samples(reader)
    with av.open(str(clip)) as container:
        start, size = [(p.pos, p.size) for p in container.demux(video=0) if p.size][bad]
    data = bytearray(clip.read_bytes())
    data[start : start + size] = bytes(size)
    clip.write_bytes(data)
    with pytest.warns(DamageWarning, match=rf"at {bad / 25:.3f} s"), FrameReader(clip) as reader:
        frames = list(reader)
    assert [frame.pts for frame in frames] == whole
    after = samples(frames)
    assert [index for index in range(12) if before[index] != after[index]] == [bad] and after[bad] == after[bad - 1]

"""Image sequences: found by folder or pattern, read and written exactly, holes and mixtures told."""

import os
import tracemalloc
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.clips import make_frame, samples
from tests.executable import ffmpeg

from vera.errors import DamageWarning, VeraError
from vera.video import FrameReader, FrameWriter, copy_frame, open_clip
from vera.video.sequence import find_sequence, image_pattern, source_files


def pngs(folder: Path, numbers: range | list[int], name: str = "shot.{:04d}.png") -> Path:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        picture = np.full((48, 64, 3), number % 256, np.uint8)
        Image.fromarray(picture).save(folder / name.format(number))
    return folder


def grey(path: Path) -> list[int]:
    with FrameReader(path) as reader:
        return [int(bytes(frame.planes[0])[0]) for frame in reader]


@pytest.mark.parametrize("name", ["", "shot.####.png", "shot.%04d.png", "shot.#.png"])
def test_a_folder_and_patterns_name_the_same_pictures(tmp_path: Path, name: str) -> None:
    path = pngs(tmp_path / "in", range(1001, 1006)) / name
    info = open_clip(path)
    assert (info.frame_count, info.pts, info.time_base, info.average_rate) == (5, (0, 1, 2, 3, 4), Fraction(1, 24), 24)
    assert (info.container, info.codec, info.pix_fmt, info.duration) == ("image2", "png", "rgb24", Fraction(5, 24))
    assert grey(path) == [number % 256 for number in range(1001, 1006)]
    assert [file.name for file in source_files(path)] == [f"shot.{number}.png" for number in range(1001, 1006)]


@pytest.mark.faults
@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("suffix", ["png", "tiff", "dpx", "jpg"])
def test_the_times_are_the_clips_however_many_threads_decode(tmp_path: Path, suffix: str, threads: int) -> None:
    """A decoder on several threads gives its last frames only when it is flushed."""
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / f"shot.####.{suffix}"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=24:d=0.125", image_pattern(source), silent=False)
    info = open_clip(source, rate=Fraction(25))
    out = tmp_path / "out.mov"
    with info.frames() as reader, FrameWriter(out, info) as writer:
        reader.stream.thread_type, reader.stream.thread_count = "AUTO", threads
        for frame in reader:
            assert frame.time_base == info.time_base
            writer.write(copy_frame(frame))
    assert [float(time * open_clip(out).time_base) for time in open_clip(out).pts] == [0, 0.04, 0.08]


def test_the_rate_is_the_users(tmp_path: Path) -> None:
    info = open_clip(pngs(tmp_path / "in", range(3)), rate=Fraction(30000, 1001))
    assert (info.time_base, info.duration) == (Fraction(1001, 30000), Fraction(3003, 30000))


@pytest.mark.parametrize("name", ["{}.png", "a{}.png", "take2_{}_matte.png", "50%_{:03d}.png", "é {:02d}.png"])
def test_names_of_any_kind(tmp_path: Path, name: str) -> None:
    folder = pngs(tmp_path / "100% in", range(8, 12), name)
    sequence = find_sequence(folder)
    assert sequence is not None and sequence.start == 8
    assert grey(folder) == [8, 9, 10, 11]


def test_bad_sequences_are_told_in_one_line(tmp_path: Path) -> None:
    hole = pngs(tmp_path / "hole", [1, 2, 4, 5, 7])
    several = pngs(pngs(tmp_path / "several", range(3)), range(3), "other_{:02d}.png")
    uneven = pngs(pngs(tmp_path / "uneven", range(3), "a{:02d}.png"), range(3), "a{:03d}.png")
    named = pngs(tmp_path / "named", range(3), "a.{:02d}.jpg.png")
    for file in named.iterdir():
        file.rename(file.with_suffix(""))
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "a.01.webp").touch()
    for path, said in (
        (hole, r"shot\.####\.png lacks number 3 and 1 more; render"),
        (several, r"several image sequences; name one of them, as other_####\.png and shot\.####\.png"),
        (uneven, r"a####\.png has numbers twice, of different length; name one kind alone"),
        (empty, r"is a folder without numbered pictures \(PNG, TIFF, DPX, EXR, JPEG\)"),
        (named, r"a\.00\.jpg: is no \.jpg picture; end its name in \.png"),
        (hole / "gone.####.png", "no numbered pictures of this name"),
        (tmp_path / "gone" / "a.####.png", "no numbered pictures of this name"),
    ):
        for work in (open_clip, FrameReader):
            with pytest.raises(VeraError, match=said) as caught:
                work(path)
            assert "\n" not in str(caught.value) and str(caught.value).startswith(str(tmp_path))
    assert open_clip(several / "other_##.png").frame_count == 3


def test_a_damaged_picture_is_told(tmp_path: Path) -> None:
    folder = pngs(tmp_path / "in", range(6))
    data = (folder / "shot.0003.png").read_bytes()
    (folder / "shot.0003.png").write_bytes(data[:60] + bytes(len(data) - 60))
    with pytest.warns(DamageWarning, match=r"1 of its 6 frames is damaged, at 0\.125 s"):
        assert grey(folder) == [0, 1, 2, 2, 4, 5]


@pytest.mark.parametrize(
    ("suffix", "pix_fmt"),
    [
        *(("png", "rgb24"), ("png", "rgb48be"), ("png", "gray16be"), ("tiff", "rgb48le"), ("tif", "rgb24")),
        *(("dpx", "gbrp10le"), ("dpx", "gbrp12le"), ("dpx", "rgb48le")),
    ],
)
def test_pictures_come_back_as_they_were(tmp_path: Path, suffix: str, pix_fmt: str) -> None:
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / f"shot.####.{suffix}"
    noise = "nullsrc=size=64x48:rate=24:duration=0.2,geq=r='random(1)*255':g='random(2)*255':b='random(3)*255'"
    ffmpeg("-f", "lavfi", "-i", noise, "-pix_fmt", pix_fmt, "-start_number", "86399", image_pattern(source))
    info = open_clip(source)
    out = tmp_path / "out" / f"made.#####.{suffix}"
    with FrameReader(source) as reader, FrameWriter(out, info, audio_from=source) as writer:
        for frame in reader:
            writer.write(frame)
            assert not (tmp_path / "out").exists()
    assert writer.notices == []
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        f"made.{number}.{suffix}" for number in range(86399, 86399 + info.frame_count)
    ]
    assert open_clip(out).pix_fmt == info.pix_fmt
    with FrameReader(source) as before, FrameReader(out) as after:
        assert samples(before) == samples(after)
    said = [
        ffmpeg("-f", "image2", "-start_number", "86399", "-i", image_pattern(path), "-f", "framemd5", "-").splitlines()
        for path in (source, out)
    ]
    pictures = [[line for line in lines if not line.startswith("#sar")] for lines in said]  # 1/1 or unsaid
    assert pictures[0] == pictures[1]


def test_a_new_sequence_starts_at_1001(tmp_path: Path) -> None:
    info = open_clip(pngs(tmp_path / "in", range(2)))
    frames = [make_frame(pix_fmt="rgb24", seed=seed) for seed in range(2)]
    with FrameWriter(tmp_path / "new" / "a.%04d.png", replace(info, path=tmp_path / "clip.mov")) as writer:
        for index, frame in enumerate(frames):
            frame.pts, frame.time_base = index, info.time_base
            writer.write(frame)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.1001.png", "a.1002.png"]


def test_an_unfinished_sequence_leaves_nothing(tmp_path: Path) -> None:
    source = pngs(tmp_path / "in", range(4))
    with pytest.raises(KeyboardInterrupt):  # noqa: SIM117
        with FrameReader(source) as reader, FrameWriter(tmp_path / "new" / "a.####.png", open_clip(source)) as writer:
            for frame in reader:
                writer.write(frame)
                raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_where_a_sequence_may_not_go(tmp_path: Path) -> None:
    source = pngs(tmp_path / "in", range(4))
    info = open_clip(source)
    for out, said in (
        (source / "b.####.png", "is there already; name a new folder"),
        (tmp_path / "b.####.png", "is there already; name a new folder"),
        (tmp_path / "new.png", r"is one picture; name a sequence in a new folder, as new/new\.####\.png"),
        (tmp_path / "gone" / "new" / "b.####.png", "no such folder"),
    ):
        with pytest.raises(VeraError, match=said):
            FrameWriter(out, info)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


# Numbers as people write them: the name, the numbers, and the printf pattern of all names.
NUMBERED: dict[str, tuple[str, range, str]] = {
    "overflow": ("f_{:02d}.png", range(8, 102), "f_%02d.png"),
    "in the middle": ("shot_{:04d}_v2.png", range(1, 4), "shot_%04d_v2.png"),
    "in front": ("{:03d} take 7.png", range(8, 12), "%03d take 7.png"),
    "among others": ("s010_{:d}_4k_v003.png", range(8, 12), "s010_%d_4k_v003.png"),
    "below 0": ("a.{:d}.png", range(-3, 4), "a.%d.png"),
    "below 0, padded": ("a_{:04d}.png", range(-3, 4), "a_%04d.png"),
    "all below 0": ("a.{:03d}.png", range(-12, -8), "a.%03d.png"),
    "after a dash": ("a-{:03d}.png", range(1, 4), "a-%03d.png"),
    "large": ("a.{:d}.png", range(2**31 - 2, 2**31 + 2), "a.%010d.png"),
    "larger": ("a.{:d}.png", range(10**30, 10**30 + 3), "a.%031d.png"),
}


@pytest.mark.faults
@pytest.mark.filterwarnings("ignore:.*are numbered from 1001")
@pytest.mark.parametrize("kind", NUMBERED)
def test_numbers_of_any_kind(tmp_path: Path, kind: str) -> None:
    name, numbers, pattern = NUMBERED[kind]
    folder = pngs(tmp_path / "in", numbers, name)
    for path in (folder, folder / name.replace(name[name.index("{") : name.index("}") + 1], "####")):
        sequence = find_sequence(path)
        assert sequence is not None
        assert (sequence.start, len(sequence.files)) == (numbers[0], len(numbers))
        assert sequence.pattern == str(folder / pattern)
        assert open_clip(path).frame_count == len(numbers)
        assert grey(path) == [number % 256 for number in numbers]
    out = tmp_path / "out" / sequence.hashes
    with FrameReader(folder) as reader, FrameWriter(out, open_clip(folder)) as writer:
        for frame in reader:
            writer.write(frame)
    assert grey(out) == grey(folder)
    told = not 0 <= numbers[0] < 2**31 - 8
    assert [line.endswith(f"numbered from 1001, not from {numbers[0]}") for line in writer.notices] == [True] * told


@pytest.mark.faults
def test_signs_as_ffmpeg_pads_them(tmp_path: Path) -> None:
    for number in range(-2, 3):
        folder = pngs(tmp_path / "in", [number], f"a.{'-' * (number < 0)}{abs(number):04d}.png")
    assert grey(folder) == [254, 255, 0, 1, 2]


@pytest.mark.faults
def test_a_dash_that_is_no_sign(tmp_path: Path) -> None:
    folder = pngs(pngs(tmp_path / "in", range(1, 4), "a-{:d}.png"), range(5, 8), "a{:d}.png")
    with pytest.raises(VeraError, match=r"several image sequences; name one of them, as a####\.png and a-####\.png"):
        find_sequence(folder)
    assert grey(folder / "a-#.png") == [1, 2, 3] and grey(folder / "a#.png") == [5, 6, 7]


@pytest.mark.faults
def test_numbers_far_apart_cost_nothing(tmp_path: Path) -> None:
    folder = pngs(tmp_path / "in", [1, 1000000000], "a.{:d}.png")
    tracemalloc.start()
    with pytest.raises(VeraError, match=r"a\.####\.png lacks number 2 and 999999997 more"):
        open_clip(folder)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_the_number_is_what_has_most_values(tmp_path: Path) -> None:
    folder = pngs(pngs(tmp_path / "in", range(5), "take1_{:04d}.png"), range(5), "take2_{:04d}.png")
    with pytest.raises(VeraError, match=r"as take1_####\.png and take2_####\.png"):
        find_sequence(folder)
    assert len(source_files(folder / "take2_####.png")) == 5


def test_what_is_no_picture_is_left_out(tmp_path: Path) -> None:
    folder = pngs(tmp_path / "in", range(3))
    (folder / "shot.0003.png").mkdir()
    os.mkfifo(folder / "shot.0004.png")
    (folder / "shot.0002.png").write_bytes(b"")
    with pytest.warns(DamageWarning, match="1 of its 3 frames is damaged"):
        assert grey(folder) == [0, 1, 1]

"""Where results go: names of any bytes, two runs with one name, and what is said when writing fails."""

import errno
import os
from pathlib import Path

import av
import pytest
from tests.clips import make_clip
from tests.executable import ffmpeg

from vera.errors import VeraError
from vera.video import FrameReader, FrameWriter, open_clip
from vera.video.output import user_errors

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_names_and_words_that_are_not_utf_8(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    flat, source = make_clip(tmp_path / "flat.mkv", audio="flac" if suffix == ".mkv" else True), folder / "a.mkv"
    ffmpeg("-i", flat, "-c", "copy", "-metadata", "title=Caf#", source)
    data = source.read_bytes()
    assert data.count(b"Caf#") == 1
    source.write_bytes(data.replace(b"Caf#", b"Caf\xe9"))
    out = folder / os.fsdecode(b"latin\xe9" + suffix.encode())
    info = open_clip(source)
    with FrameReader(source) as reader, FrameWriter(out, info, audio_from=source) as writer:
        for frame in reader:
            writer.write(frame)
    assert writer.notices == [] and open_clip(out).metadata == info.metadata
    assert b"Caf\xe9" in out.read_bytes()
    assert {path.name for path in folder.iterdir()} == {"a.mkv", out.name}


def test_two_runs_with_one_output_do_not_meet(tmp_path: Path) -> None:
    source, out = make_clip(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    info = open_clip(source)
    with FrameWriter(out, info) as one, FrameWriter(out, info) as other:
        assert one.partial != other.partial
        with FrameReader(source) as reader:
            for frame in reader:
                one.write(frame)
                other.write(frame)
    assert open_clip(out).frame_count == info.frame_count
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "b.mp4"}


def test_what_killed_runs_left_goes_and_what_users_have_stays(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4")
    (tmp_path / ".b.0123abcd.vera-partial.mp4").touch()
    (tmp_path / ".b.partial.mp4").write_text("a user's own")
    with FrameReader(source) as reader, FrameWriter(tmp_path / "b.mp4", open_clip(source)) as writer:
        for frame in reader:
            writer.write(frame)
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "b.mp4", ".b.partial.mp4"}
    assert (tmp_path / ".b.partial.mp4").read_text() == "a user's own"


def test_a_result_is_written_through_a_link(tmp_path: Path) -> None:
    source, real = make_clip(tmp_path / "a.mp4"), tmp_path / "far"
    real.mkdir()
    (tmp_path / "b.mp4").symlink_to(real / "c.mp4")
    with FrameReader(source) as reader, FrameWriter(tmp_path / "b.mp4", open_clip(source)) as writer:
        for frame in reader:
            writer.write(frame)
    assert (tmp_path / "b.mp4").is_symlink() and open_clip(real / "c.mp4").frame_count == 8


SAID = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full",
    errno.EROFS: "choose another folder",
    errno.EIO: "writing failed .*Input/output error.*; try another folder",
    errno.EINVAL: "FFmpeg refuses to write what the source holds .*; write another kind of file",
}


@pytest.mark.parametrize("number", SAID)
def test_the_advice_fits_the_error(tmp_path: Path, number: int) -> None:
    with pytest.raises(VeraError, match=SAID[number]) as caught, user_errors(tmp_path / "b.mkv"):
        raise (
            av.ArgumentError(number, os.strerror(number))
            if number == errno.EINVAL
            else OSError(number, os.strerror(number))
        )
    assert "another codec" not in str(caught.value)


@pytest.mark.faults
@pytest.mark.parametrize("sound", [False, True])
def test_sound_is_named_only_where_there_is_some(tmp_path: Path, sound: bool) -> None:
    with pytest.raises(VeraError) as caught, user_errors(tmp_path / "b.mkv", sound):
        raise av.ArgumentError(errno.EINVAL, os.strerror(errno.EINVAL))
    assert ("leave the sound out" in str(caught.value)) is sound


def test_other_problems_pass(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="as it was"), user_errors(tmp_path / "b.mkv"):
        raise VeraError("as it was")


def test_a_result_that_cannot_be_read_again_is_told_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by that of the hidden file, which is gone."""
    source, out = make_clip(tmp_path / "a.mp4"), tmp_path / "b.mp4"

    def damaged(path: Path, *rest: object) -> list[str]:
        raise VeraError(f"{path}: is damaged")

    monkeypatch.setattr("vera.video.write.not_held", damaged)
    with (
        pytest.raises(VeraError) as caught,
        FrameReader(source) as reader,
        FrameWriter(out, open_clip(source)) as writer,
    ):
        for frame in reader:
            writer.write(frame)
    assert str(caught.value) == f"{out}: is damaged"
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4"}

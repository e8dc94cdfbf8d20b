"""Files appear whole or not at all, whatever stops the writing."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.clips import make_clip
from tests.conftest import small_disk
from tests.video.test_write import copy, describe, same_samples

from vera.errors import VeraError
from vera.video import (
    FrameReader,
    FrameWriter,
    check_output,
    open_clip,
)

# Whole or not at all


@pytest.mark.parametrize("how", ["same", "relative", "symlink", "hard link", "sound"])
def test_never_over_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    source = make_clip(tmp_path / "a.mp4", audio=True)
    before = source.read_bytes()
    out, info, sound = source, open_clip(source), source
    if how == "relative":
        monkeypatch.chdir(tmp_path)
        out = Path("a.mp4")
    elif how == "symlink":
        out = tmp_path / "b.mp4"
        out.symlink_to(source)
    elif how == "hard link":
        out = tmp_path / "b.mp4"
        out.hardlink_to(source)
    elif how == "sound":
        info = replace(info, path=tmp_path / "other.mp4")
    with pytest.raises(VeraError, match="is read"):
        FrameWriter(out, info, audio_from=sound)
    assert source.read_bytes() == before


def test_folder_missing(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="no such folder"):
        FrameWriter(tmp_path / "gone" / "b.mp4", describe("yuv420p"))


def test_name_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "b.mp4").mkdir()
    with pytest.raises(VeraError, match="is a folder"):
        FrameWriter(tmp_path / "b.mp4", describe("yuv420p"))


def test_folder_not_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.geteuid() == 0:  # to whom all folders are open
        folder = Path("/proc/self")
    for work in (check_output, FrameWriter):
        with pytest.raises(VeraError, match=f"{folder}"):
            work(folder / "b.mp4", describe("yuv420p"))


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", 8)
    (tmp_path / "b.mp4").write_text("an older result")
    with pytest.raises(KeyboardInterrupt):  # noqa: SIM117
        with FrameReader(source) as reader, FrameWriter(tmp_path / "b.mp4", open_clip(source)) as writer:
            for index, frame in enumerate(reader):
                if index == 5:
                    raise KeyboardInterrupt
                writer.write(frame)
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "b.mp4"}
    assert (tmp_path / "b.mp4").read_text() == "an older result"


def test_the_name_is_given_last(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4")
    with FrameReader(source) as reader, FrameWriter(tmp_path / "b.mp4", open_clip(source)) as writer:
        for frame in reader:
            writer.write(frame)
            assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", writer.partial.name}
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "b.mp4"}


KILLED = """
import os, signal, sys
from pathlib import Path
from vera.video import FrameReader, FrameWriter, open_clip
source, out = map(Path, sys.argv[1:])
with FrameReader(source) as reader, FrameWriter(out, open_clip(source)) as writer:
    for index, frame in enumerate(reader):
        writer.write(frame)
        if index == 4:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_in_the_middle(tmp_path: Path) -> None:
    source, out = make_clip(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    assert subprocess.run([sys.executable, "-c", KILLED, source, out]).returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2 and not out.exists()
    # The next run is not bothered by what lies there.
    copy(source, out)
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "b.mp4"}


# In the header, a frame or the trailer.
FULL_AT = pytest.mark.parametrize("limit", [0, 3000, 30000, 45000])


@pytest.fixture
def big_clip(tmp_path: Path) -> Path:
    clip = make_clip(tmp_path / "a.mp4", 8, audio=True)
    assert clip.stat().st_size > 46000
    return clip


@FULL_AT
def test_disk_full(big_clip: Path, tmp_path: Path, limit: int) -> None:
    with small_disk(limit), pytest.raises(VeraError, match=r"b\.mp4: the disk is full; "):
        copy(big_clip, tmp_path / "b.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@FULL_AT
def test_disk_full_leaves_an_older_result(big_clip: Path, tmp_path: Path, limit: int) -> None:
    (tmp_path / "b.mp4").touch()
    with small_disk(limit), pytest.raises(VeraError, match="the disk is full"):
        copy(big_clip, tmp_path / "b.mp4")
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir() if path != big_clip} == {"b.mp4": 0}


def test_an_older_result_is_replaced_by_a_whole_one(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_text("an older result")
    copy(source, tmp_path / "b.mp4")
    assert same_samples(source, tmp_path / "b.mp4")

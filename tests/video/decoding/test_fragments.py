"""Fragmented files that are cut off or have gaps: what is whole is read, and the rest is told."""

from itertools import pairwise
from pathlib import Path

import pytest
from tests.clips import make_clip, samples

from vera.errors import DamageWarning
from vera.video import FrameReader, FrameWriter, open_clip
from vera.video.decoding.fragments import Fragments, _boxes, read_fragments

pytestmark = pytest.mark.faults

FLAGS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


def recorded(path: Path) -> tuple[Path, list[tuple[int, int, bytes]]]:
    """30 frames in fragments of 5, with sound; and the boxes."""
    make_clip(path, 30, audio=True, muxer=FLAGS, options={"g": "5", "bf": "0", "qp": "0", "preset": "ultrafast"})
    with path.open("rb") as file:
        return path, list(_boxes(file, path.stat().st_size))


def fragments(boxes: list[tuple[int, int, bytes]]) -> list[tuple[int, int]]:
    return [(start, after[1]) for (start, _, kind), after in pairwise(boxes) if kind == b"moof"]


def test_a_whole_one_is_read_without_a_word(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    path, boxes = recorded(tmp_path / "a.mp4")
    assert read_fragments(path) == Fragments(path.stat().st_size, cut=False, missing=0)
    with FrameReader(path) as reader:
        assert len(list(reader)) == open_clip(path).frame_count == 30
    assert len(fragments(boxes)) == 6 and not recwarn


@pytest.mark.parametrize("place", ["in the box's head", "in moof", "after moof", "in mdat", "at the last byte"])
def test_a_recording_that_is_cut_off(tmp_path: Path, place: str) -> None:
    path, boxes = recorded(tmp_path / "a.mp4")
    with FrameReader(path) as reader:
        whole = samples(reader)
    start, stop = fragments(boxes)[3]
    (moof,) = [end for begin, end, _ in boxes if begin == start]
    size = dict(
        zip(
            ("in the box's head", "in moof", "after moof", "in mdat", "at the last byte"),
            (start + 5, start + 40, moof, (moof + stop) // 2, stop - 1),
            strict=True,
        )
    )[place]
    path.write_bytes(path.read_bytes()[:size])
    info = open_clip(path)
    assert info.frame_count == 15
    said = r"is damaged, it is cut off within a fragment, and ends with the one before; .* was read, up to 0\.5\d+ s"
    with (
        pytest.warns(DamageWarning, match=said),
        FrameReader(path) as reader,
        FrameWriter(tmp_path / "out.mp4", info, audio_from=path) as writer,
    ):
        frames = []
        for frame in reader:
            frames.append(samples([frame])[0])
            writer.write(frame)
    assert frames == whole[:15]
    assert open_clip(tmp_path / "out.mp4").audio


def test_a_fragment_that_is_missing_in_between(tmp_path: Path) -> None:
    path, boxes = recorded(tmp_path / "a.mp4")
    start, stop = fragments(boxes)[2]
    data = path.read_bytes()
    path.write_bytes(data[:start] + data[stop:])
    with (
        pytest.warns(DamageWarning, match="is damaged, 1 of its fragments is missing in between"),
        FrameReader(path) as reader,
    ):
        times = [frame.time for frame in reader]
    assert len(times) == 25 and times[10] - times[9] == pytest.approx(6 / 25, abs=0.001)


def test_other_files_have_none(tmp_path: Path) -> None:
    assert read_fragments(make_clip(tmp_path / "a.mp4")) is None
    assert read_fragments(make_clip(tmp_path / "a.mkv", codec="ffv1")) is None
    (tmp_path / "short").write_bytes(b"\0\0\0")
    assert read_fragments(tmp_path / "short") is None and read_fragments(tmp_path / "gone") is None

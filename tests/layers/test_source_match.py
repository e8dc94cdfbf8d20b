"""Layers know the clip that they were made for."""

import hashlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.clips import make_clip

from vera.errors import VeraError
from vera.layers import LayeredEdit, verify_layers
from vera.layers.masters import write_master
from vera.layers.source_match import check_source, describe_source, frame_map
from vera.video import Clip, open_clip

MakeClip = Callable[..., Path]


def layers_for(info: Clip, **record: object) -> LayeredEdit:
    alpha = np.zeros((info.frame_count, 4, 4), np.uint16)
    metadata = {"source": describe_source(info) | record}
    return LayeredEdit(np.zeros((*alpha.shape, 3), np.uint8), alpha, info.pts, info.time_base, metadata)


def test_what_is_recorded(make_clip: MakeClip) -> None:
    path = make_clip("a.mp4", frames=3)
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert describe_source(open_clip(path)) == {"name": "a.mp4", "frames": 3, "bytes": len(data), "sha256": digest}


def test_its_own_clip_under_any_name(make_clip: MakeClip, tmp_path: Path) -> None:
    path = make_clip("a.mp4", frames=3)
    edit = layers_for(open_clip(path))
    check_source(edit, open_clip(path.rename(tmp_path / "b.mp4")))


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"frames": 4}, "it has 3 frames, that one 4"),
        ({"bytes": 17}, "bytes, that one 17"),
        ({"sha256": "0" * 64}, "their bytes differ"),
    ],
)
def test_another_clip(make_clip: MakeClip, record: dict[str, object], words: str) -> None:
    info = open_clip(make_clip("a.mp4", frames=3))
    with pytest.raises(VeraError, match=rf"the layers were made for, x\.mp4: .*{words}; give that clip, or --force"):
        check_source(layers_for(info, name="x.mp4", **record), info)


def test_older_manifests_and_layers_made_by_hand(make_clip: MakeClip) -> None:
    info = open_clip(make_clip("a.mp4", frames=3))
    edit = layers_for(info)
    for metadata in ({}, {"source": "a.mp4"}, {"source": {"name": "a.mp4"}}):
        check_source(LayeredEdit(edit.edit, edit.alpha, edit.pts, edit.time_base, metadata), info)


def test_one_changed_byte_is_found(make_clip: MakeClip) -> None:
    path = make_clip("a.mkv", frames=3)
    edit = layers_for(open_clip(path))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(VeraError, match="bytes differ"):
        check_source(edit, open_clip(path))
    with pytest.raises(VeraError, match="bytes differ"):
        verify_layers(path, edit)


def test_the_users_own_file_is_as_it_was(make_clip: MakeClip, tmp_path: Path) -> None:
    info = open_clip(make_clip("a.mkv", frames=3))
    verify_layers(info.path, layers_for(info))
    alone = layers_for(info)
    with pytest.raises(VeraError, match="do not record"):
        verify_layers(info.path, LayeredEdit(alone.edit, alone.alpha, alone.pts, alone.time_base))


def test_frames_of_a_clip_with_other_ticks(make_clip: MakeClip) -> None:
    """As when the source was put into another container: the same moments, rounded."""
    info = open_clip(make_clip("a.mkv", frames=5))
    edit = layers_for(info)
    assert frame_map(edit, info) == {pts: index for index, pts in enumerate(info.pts)}
    ticks = Fraction(1, 90000)
    pts = tuple(round(time * info.time_base / ticks) + 7 for time in info.pts[1:4])
    other = LayeredEdit(edit.edit[:3], edit.alpha[:3], pts, ticks)
    with pytest.raises(VeraError, match="frame times are not in this one"):
        frame_map(other, info)
    assert frame_map(other, info, force=True) == {info.pts[1]: 0, info.pts[2]: 1, info.pts[3]: 2}
    late = LayeredEdit(edit.edit[:1], edit.alpha[:1], (10**9,), ticks)
    with pytest.raises(VeraError, match="none of the layers' frames"):
        frame_map(late, info, force=True)


@pytest.mark.faults
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(24000, 1001)])
def test_pictures_at_another_rate_are_told(tmp_path: Path, rate: Fraction) -> None:
    for number in range(3):
        Image.fromarray(np.full((48, 64, 3), number, np.uint8)).save(tmp_path / f"a.{number}.png")
    edit = layers_for(open_clip(tmp_path, rate=rate))
    with pytest.raises(VeraError, match=rf"made of it at another rate; add --rate {rate}$"):
        frame_map(edit, open_clip(tmp_path))
    Image.fromarray(np.full((48, 64, 3), 9, np.uint8)).save(tmp_path / "a.1.png")
    with pytest.raises(VeraError, match="made for another clip"):
        frame_map(edit, open_clip(tmp_path))
    again = layers_for(open_clip(tmp_path, rate=rate))
    assert frame_map(again, open_clip(tmp_path, rate=rate)) == {0: 0, 1: 1, 2: 2}


@given(st.lists(st.integers(0, 400), min_size=1, max_size=9, unique=True))
def test_forced_frames_are_the_nearest(times: list[int]) -> None:
    info = _clip()
    pts = tuple(sorted(times))
    edit = LayeredEdit(
        np.zeros((len(pts), 2, 2, 3), np.uint8), np.zeros((len(pts), 2, 2), np.uint16), pts, Fraction(1, 1000)
    )
    try:
        found = frame_map(edit, info, force=True)
    except VeraError:
        assert all(abs(time - source * 40) >= 20 for time in pts for source in info.pts)
        return
    for source, index in found.items():
        assert abs(pts[index] - source * 40) < 20
    assert len(set(found.values())) == len(found)


def _clip() -> Clip:
    import dataclasses

    values = {field.name: None for field in dataclasses.fields(Clip)}
    known = {"path": Path("a.mp4"), "time_base": Fraction(1, 25), "pts": tuple(range(8)), "duration": Fraction(8, 25)}
    return Clip(**{**values, **known})  # type: ignore[arg-type]


# A source that is replaced during the work


def replace_file(path: Path, frames: int = 3, size: tuple[int, int] = (64, 48)) -> None:
    """Another clip takes the name, as when a render is finished."""
    other = make_clip(path.with_name(f"other{path.suffix}"), frames, size)
    other.replace(path)


@pytest.mark.faults
def test_a_replaced_source_is_not_read_hashed_or_written(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 3)
    info = open_clip(path)
    edit = layers_for(info)
    replace_file(path)
    for work in (
        lambda: describe_source(info),
        lambda: info.frames(),
        lambda: write_master(info, edit, tmp_path / "b.mp4"),
        lambda: write_master(info, edit, tmp_path / "b.mp4", "smart"),
    ):
        with pytest.raises(VeraError, match=r"a\.mp4: was changed or replaced during the work"):
            work()
    assert {file.name for file in tmp_path.iterdir()} == {"a.mp4"}
    with open_clip(path).frames() as reader:
        assert len(list(reader)) == 3


@pytest.mark.faults
@pytest.mark.parametrize("kind", ["exact", "smart"])
def test_a_source_that_is_replaced_while_it_is_written_leaves_no_master(tmp_path: Path, kind: str) -> None:
    path = make_clip(tmp_path / "a.mp4", 12, options={"g": "3", "qp": "10"})
    info = open_clip(path)
    pts = info.pts[:1]
    alpha = np.full((1, 48, 64), 65535, np.uint16)
    edit = LayeredEdit(np.zeros((1, 48, 64, 3), np.uint8), alpha, pts, info.time_base, {})

    def swap(stage: str, done: int, total: int) -> None:
        if done == 6:
            replace_file(path, 12)

    with pytest.raises(VeraError, match="was changed or replaced during the work"):
        write_master(info, edit, tmp_path / "b.mp4", kind, progress=swap)
    assert {file.name for file in tmp_path.iterdir()} == {"a.mp4"}

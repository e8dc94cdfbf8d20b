"""DAVIS, COCO and CVAT: there and back exactly, and bad files are named."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from vera.construction.formats.coco import read_coco, write_coco
from vera.construction.formats.cvat import read_cvat, write_cvat
from vera.construction.formats.davis import davis_palette, read_davis, write_davis
from vera.construction.formats.tracks import ClipTracks, Track
from vera.errors import DamageWarning, VeraError

NOUNS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)


@st.composite
def clips(draw: st.DrawFn, apart: bool = False) -> ClipTracks:
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 12), st.integers(1, 12)))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    labels = rng.integers(0, 4, shape)
    share = draw(st.floats(0, 1))
    masks = [(labels == i) if apart else rng.random(shape) < share for i in (1, 2, 3)]
    masks[0][0, 0, 0] = masks[1][-1, -1, -1] = not apart
    tracks = [Track(draw(NOUNS), mask) for mask in masks[: draw(st.integers(1, 3))]]
    return ClipTracks("0123456789abcdef", shape, tracks)


def same(one: ClipTracks, other: ClipTracks) -> None:
    assert (one.name, one.shape) == (other.name, other.shape)
    assert [track.noun for track in one.tracks] == [track.noun for track in other.tracks]
    for a, b in zip(one.tracks, other.tracks, strict=True):
        assert np.array_equal(a.masks, b.masks)


MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)


@MANY
@given(clips(apart=True))
def test_davis_comes_back_exactly(tmp_path: Path, clip: ClipTracks) -> None:
    root = Path(tempfile.mkdtemp(dir=tmp_path)) / "davis"
    write_davis(root, clip)
    (again,) = read_davis(root)
    same(again, clip)
    with Image.open(root / "Annotations" / clip.name / "00000.png") as picture:
        assert picture.mode == "P"


@MANY
@given(clips())
def test_coco_comes_back_exactly(tmp_path: Path, clip: ClipTracks) -> None:
    write_coco(tmp_path / "a.json", [clip])
    (again,) = read_coco(tmp_path / "a.json")
    same(again, clip)


@MANY
@given(clips())
def test_cvat_comes_back_exactly(tmp_path: Path, clip: ClipTracks) -> None:
    write_cvat(tmp_path / "a.xml", clip)
    same(read_cvat(tmp_path / "a.xml"), clip)


def test_davis_palette_is_pascals() -> None:
    colors = np.array(davis_palette()).reshape(-1, 3)
    assert colors[:5].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]
    assert len({tuple(color) for color in colors.tolist()}) == 256


def test_objects_that_overlap_are_told_of_in_davis(tmp_path: Path) -> None:
    masks = np.ones((1, 2, 2), bool)
    clip = ClipTracks("a", (1, 2, 2), [Track("cat", masks), Track("dog", masks)])
    with pytest.warns(DamageWarning, match="overlap"):
        write_davis(tmp_path, clip)
    (again,) = read_davis(tmp_path)
    assert again.tracks[0].masks.all() and not again.tracks[1].masks.any()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no XML of CVAT"),
        ("<annotations/>", "no XML of CVAT"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>', "declares entities"),
        ("BOX", "only masks are read"),
        ("BESIDE", "beside the clip"),
        ("FEW", "not as many pixels"),
    ],
)
def test_bad_xml_is_named(tmp_path: Path, text: str, told: str) -> None:
    clip = ClipTracks("a", (1, 4, 4), [Track("cat", np.eye(4, dtype=bool)[None])])
    write_cvat(tmp_path / "a.xml", clip)
    good = (tmp_path / "a.xml").read_text()
    changed = {
        "BOX": good.replace("<mask", "<box"),
        "BESIDE": good.replace('left="0"', 'left="2"'),
        "FEW": good.replace('rle="0, 1,', 'rle="0, 2,'),
    }
    (tmp_path / "b.xml").write_text(changed.get(text, text))
    with pytest.raises(VeraError, match=rf"b.xml: .*{told}"):
        read_cvat(tmp_path / "b.xml")


@pytest.mark.parametrize("text", ["[]", "{}", '{"videos": 1, "categories": [], "annotations": []}'])
def test_bad_json_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(VeraError, match=r"b.json: is no JSON of YouTube-VIS"):
        read_coco(tmp_path / "b.json")


def test_masks_of_another_size_or_count_are_named(tmp_path: Path) -> None:
    clip = ClipTracks("a", (2, 4, 4), [Track("cat", np.ones((2, 4, 4), bool))])
    write_coco(tmp_path / "a.json", [clip])
    held = json.loads((tmp_path / "a.json").read_text())
    for change, told in (({"length": 3}, "as many masks"), ({"width": 5}, "counts are not of 5x4")):
        held["videos"][0] |= {"length": 2, "width": 4, **change}
        (tmp_path / "b.json").write_text(json.dumps(held))
        with pytest.raises(VeraError, match=told):
            read_coco(tmp_path / "b.json")


def test_a_picture_that_is_no_palette_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "Annotations" / "a"
    folder.mkdir(parents=True)
    (folder / "00000.png").write_bytes(b"no picture")
    with pytest.raises(VeraError, match="cannot be read as a picture"):
        read_davis(tmp_path)
    Image.new("RGB", (4, 4)).save(folder / "00000.png")
    with pytest.raises(VeraError, match="no palette picture"):
        read_davis(tmp_path)
    with pytest.raises(VeraError, match="holds no Annotations"):
        read_davis(folder)


@pytest.mark.faults
def test_a_number_that_nobody_has_is_no_object(tmp_path: Path) -> None:
    """Masks of 0 and 255, as DAVIS 2016 has them, were 255 objects, and a number in `meta.json` as many."""
    folder = tmp_path / "Annotations" / "a"
    folder.mkdir(parents=True)
    mask = np.zeros((6, 8), np.uint8)
    mask[2:4, 2:5] = 255
    Image.fromarray(mask, "L").save(folder / "00000.png")
    (tmp_path / "meta.json").write_text(
        '{"videos": {"a": {"objects": {"-5": {}, "2": {"category": "cat"}, "256": {}}}}}'
    )
    (clip,) = read_davis(tmp_path)
    assert [track.noun for track in clip.tracks] == ["cat", "object"]
    assert not clip.tracks[0].masks.any() and np.array_equal(clip.tracks[1].masks[0], mask > 0)


@pytest.mark.faults
@pytest.mark.parametrize(
    "meta",
    [
        "[]",
        "null",
        "{}",
        '{"videos": []}',
        '{"videos": {"a": 3}}',
        '{"videos": {"a": {"objects": {"x": {}}}}}',
        '{"videos": {"a": {"objects": {"1": 3}}}}',
    ],
)
def test_bad_names_of_davis_are_named(tmp_path: Path, meta: str) -> None:
    folder = tmp_path / "Annotations" / "a"
    folder.mkdir(parents=True)
    Image.fromarray(np.ones((6, 8), np.uint8), "L").save(folder / "00000.png")
    (tmp_path / "meta.json").write_text(meta)
    with pytest.raises(VeraError, match=r"meta.json: is no meta.json of YouTube-VOS"):
        read_davis(tmp_path)

"""The layer folder: exact round trip, whole or not at all, one line for what is broken."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vera.errors import VeraError
from vera.layers import LayeredEdit, LayersWriter, load_layers, save_layers, write_layers
from vera.layers.layer_frame import LayerFrame


def make_edit(dtype: type, frames: int = 3, seed: int = 0) -> LayeredEdit:
    rng = np.random.default_rng(seed)
    return LayeredEdit(
        rng.integers(0, np.iinfo(dtype).max + 1, (frames, 18, 26, 3)).astype(dtype),
        rng.integers(0, 65536, (frames, 18, 26)).astype(np.uint16),
        tuple(512 * i for i in range(frames)),
        Fraction(1, 12800),
        {"instruction": "Füge einen Hut hinzu", "seed": 7, "source": {"name": "a.mp4"}},
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("frames", [1, 3])
def test_round_trip_is_exact(dtype: type, frames: int, tmp_path: Path) -> None:
    edit = make_edit(dtype, frames)
    save_layers(edit, tmp_path / "layers")
    loaded = load_layers(tmp_path / "layers")
    assert np.array_equal(loaded.edit, edit.edit) and loaded.edit.dtype == dtype
    assert np.array_equal(loaded.alpha, edit.alpha)
    assert (loaded.pts, loaded.time_base, dict(loaded.metadata)) == (edit.pts, edit.time_base, dict(edit.metadata))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layers"]


def test_frames_are_written_as_they_are_made_and_read_as_they_are_asked_for(tmp_path: Path) -> None:
    edit = make_edit(np.uint16, frames=4)
    made: list[int] = []
    metadata: dict[str, object] = {}

    def frames() -> Iterator[LayerFrame]:
        for index in range(4):
            made.append(index)
            metadata["noticed"] = len(made)
            yield LayerFrame(edit.edit[index], edit.alpha[index])

    write_layers(tmp_path / "layers", frames(), edit.pts, edit.time_base, metadata)
    loaded = load_layers(tmp_path / "layers")
    assert loaded.metadata == {"noticed": 4} and not isinstance(loaded.edit, np.ndarray)
    for index in (2, 3, 0):
        picture, alpha = loaded.frame(index, loaded.size)
        assert np.array_equal(picture, edit.edit[index]) and np.array_equal(alpha, edit.alpha[index])
    save_layers(loaded, tmp_path / "layers")  # over the files that it reads
    assert np.array_equal(load_layers(tmp_path / "layers").edit, edit.edit)

    with pytest.raises(ValueError, match="argument"):
        write_layers(tmp_path / "short", frames(), range(5), edit.time_base, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layers"]


def test_equal_layers_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_layers(make_edit(np.uint8), tmp_path / name)
    for file in ("edit.mkv", "alpha.mkv", "manifest.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_only_a_layer_folder_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "layers"
    save_layers(make_edit(np.uint8, seed=1), folder)
    save_layers(make_edit(np.uint8, seed=2), folder)
    assert np.array_equal(load_layers(folder).alpha, make_edit(np.uint8, seed=2).alpha)

    other = tmp_path / "photos"
    other.mkdir()
    (other / "precious.jpg").write_bytes(b"x")
    with pytest.raises(VeraError, match="something else"):
        save_layers(make_edit(np.uint8), other)
    (other / "manifest.json").write_text('{"name": "A web app"}')
    with pytest.raises(VeraError, match="something else"):
        save_layers(make_edit(np.uint8), other)
    assert (other / "precious.jpg").read_bytes() == b"x"
    with pytest.raises(VeraError, match="does not exist"):
        save_layers(make_edit(np.uint8), tmp_path / "no" / "layers")


def test_other_files_among_the_layers_stay(tmp_path: Path) -> None:
    folder = tmp_path / "layers"
    save_layers(make_edit(np.uint8, seed=1), folder)
    (folder / "result.mp4").write_bytes(b"x")
    save_layers(make_edit(np.uint8, seed=2), folder)
    assert (folder / "result.mp4").read_bytes() == b"x"
    assert np.array_equal(load_layers(folder).alpha, make_edit(np.uint8, seed=2).alpha)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layers"]


def test_a_replacement_that_was_killed_half_way_is_undone(tmp_path: Path) -> None:
    folder = tmp_path / "layers"
    save_layers(make_edit(np.uint8), folder)
    (folder / "result.mp4").write_bytes(b"x")
    folder.rename(tmp_path / ".layers.vera-old")
    save_layers(make_edit(np.uint8, seed=2), folder)
    assert (folder / "result.mp4").read_bytes() == b"x"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layers"]


def test_the_current_folder_is_not_replaced_under_whoever_stands_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(VeraError, match="is or holds the current folder"):
        save_layers(make_edit(np.uint8), ".")
    save_layers(make_edit(np.uint8), "layers")
    assert load_layers(tmp_path / "here" / "layers").size == (26, 18)


def test_a_failed_save_leaves_the_old_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "layers"
    save_layers(make_edit(np.uint8, seed=1), folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vera.layers.manifest.Manifest.to_json", full)
    with pytest.raises(VeraError, match="No space left"):
        save_layers(make_edit(np.uint8, seed=2), folder)
    assert np.array_equal(load_layers(folder).alpha, make_edit(np.uint8, seed=1).alpha)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layers"]


def test_what_is_broken_is_said_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "layers"

    def broken(match: str) -> None:
        with pytest.raises(VeraError, match=match) as caught:
            load_layers(folder)
        assert "\n" not in str(caught.value)

    broken("not a layer folder")
    save_layers(make_edit(np.uint8), folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text("{")
    broken("is not JSON that can be read")
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))
    broken("format 99")
    (folder / "manifest.json").write_text(json.dumps(manifest | {"pts": [0]}))
    broken("do not belong together")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "alpha.mkv").write_bytes((folder / "alpha.mkv").read_bytes()[:200])
    broken("damaged")
    (folder / "alpha.mkv").unlink()
    broken("missing")


def test_shapes_and_types_must_match() -> None:
    edit = make_edit(np.uint8)
    with pytest.raises(ValueError, match="do not match"):
        LayeredEdit(edit.edit, edit.alpha, edit.pts[:2], edit.time_base)
    with pytest.raises(TypeError, match="uint16"):
        LayeredEdit(edit.edit, edit.alpha.astype(np.uint8), edit.pts, edit.time_base)


@pytest.mark.faults
def test_frames_given_one_by_one_make_a_folder_at_the_end_or_none(tmp_path: Path) -> None:
    edit, folder = make_edit(np.uint8), tmp_path / "layers"
    with LayersWriter(folder) as writer:
        for picture, alpha in zip(edit.edit, edit.alpha, strict=True):
            writer.write(LayerFrame(picture, alpha))
            assert not folder.exists()
        writer.finish(edit.pts, edit.time_base, edit.metadata)
        assert not folder.exists()
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    save_layers(edit, tmp_path / "at once")
    assert written == {path.name: path.read_bytes() for path in (tmp_path / "at once").iterdir()}

    with pytest.raises(ValueError, match="not finished"), LayersWriter(folder) as writer:
        writer.write(LayerFrame(edit.edit[0], edit.alpha[0]))
    with pytest.raises(OSError, match="another file's"), LayersWriter(folder) as writer:
        raise OSError("another file's")
    with pytest.raises(ValueError, match="3 times"), LayersWriter(folder) as writer:
        writer.write(LayerFrame(edit.edit[0], edit.alpha[0]))
        writer.finish(edit.pts, edit.time_base, {})
    assert written == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["at once", "layers"]


@pytest.mark.faults
def test_layers_go_where_a_link_points_time_after_time(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    link = tmp_path / "layers"
    link.symlink_to(tmp_path / "scratch")
    for seed in (1, 2):
        save_layers(make_edit(np.uint8, seed=seed), link)
        assert link.is_symlink() and np.array_equal(load_layers(link).alpha, make_edit(np.uint8, seed=seed).alpha)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layers", "scratch"]


@pytest.mark.faults
def test_two_runs_with_one_folder_do_not_mix(tmp_path: Path) -> None:
    one, other = make_edit(np.uint8, seed=1), make_edit(np.uint8, seed=2)
    with LayersWriter(tmp_path / "layers") as first, LayersWriter(tmp_path / "layers") as second:
        for index in range(3):
            first.write(LayerFrame(one.edit[index], one.alpha[index]))
            second.write(LayerFrame(other.edit[index], other.alpha[index]))
        first.finish(one.pts, one.time_base, one.metadata)
        second.finish(other.pts, other.time_base, other.metadata)
    loaded = load_layers(tmp_path / "layers")
    assert np.array_equal(loaded.edit, one.edit) and np.array_equal(loaded.alpha, one.alpha)  # it ended last
    assert [path.name for path in tmp_path.iterdir()] == ["layers"]


@pytest.mark.faults
def test_names_that_are_no_text_come_back_byte_for_byte(tmp_path: Path) -> None:
    edit = replace(
        make_edit(np.uint8), metadata={"source": {"name": os.fsdecode(b"latin\xe9.mp4")}, "instruction": "é\ud800"}
    )
    save_layers(edit, tmp_path / os.fsdecode(b"l\xe9"))
    loaded = load_layers(tmp_path / os.fsdecode(b"l\xe9"))
    assert dict(loaded.metadata) == dict(edit.metadata)
    assert os.fsencode(loaded.metadata["source"]["name"]) == b"latin\xe9.mp4"


@pytest.mark.faults
@pytest.mark.parametrize(
    ("alpha", "times"),
    [
        (np.ones((8, 10), np.uint8), (0, 1)),
        (np.ones((8, 10), bool), (0, 1)),
        (np.ones((8, 10)), (0, 1)),
        (np.ones((4, 10), np.float32), (0, 1)),
        (np.ones((8, 10), np.float32), (0, 0)),
        (np.ones((8, 10), np.float32), (1, 0)),
    ],
)
def test_layers_that_could_not_be_opened_replace_none(
    tmp_path: Path, alpha: np.ndarray, times: tuple[int, int]
) -> None:
    edit = np.zeros((8, 10, 3), np.uint8)
    good = LayerFrame(edit, np.ones((8, 10), np.float32))
    write_layers(tmp_path / "layers", [good], [0], Fraction(1, 25), {})
    with pytest.raises(ValueError, match=r"a layer frame is|do not rise"):
        write_layers(tmp_path / "layers", [LayerFrame(edit, alpha)] * 2, times, Fraction(1, 25), {})
    assert load_layers(tmp_path / "layers").pts == (0,)
    assert [path.name for path in tmp_path.iterdir()] == ["layers"]


@pytest.mark.faults
def test_times_of_numpy_are_times(tmp_path: Path) -> None:
    frame = LayerFrame(np.zeros((8, 10, 3), np.uint8), np.ones((8, 10), np.float32))
    write_layers(tmp_path / "layers", [frame] * 2, list(np.arange(2)), Fraction(1, 25), {})
    assert load_layers(tmp_path / "layers").pts == (0, 1)

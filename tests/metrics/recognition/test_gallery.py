"""Ranks among classes with prototypes."""

from pathlib import Path

import numpy as np
import pytest

from vera.errors import VeraError
from vera.metrics.recognition.gallery import make_gallery, read_gallery, save_gallery

EAST, NORTH, WEST = ([1, 0], [0, 1], [-1, 0])
GALLERY = make_gallery(
    {
        "car": np.array([WEST, [0.6, 0.8]], np.float32),
        "tree": np.array([NORTH], np.float32),
        "ball": np.array([EAST], np.float32),
    }
)


def test_a_class_is_as_near_as_its_nearest_prototype() -> None:
    query = np.array([0.8, 0.6], np.float32)  # cosines: car 0.96, tree 0.6, ball 0.8
    assert [GALLERY.rank(query, name) for name in ("car", "ball", "tree")] == [1, 2, 3]
    assert GALLERY.rank(query, "whale") is None


def test_a_tie_is_no_win() -> None:
    twins = make_gallery({"one": np.array([EAST], np.float32), "other": np.array([EAST], np.float32)})
    assert twins.rank(np.array(EAST, np.float32), "one") == 2


def test_saved_and_read(tmp_path: Path) -> None:
    save_gallery(GALLERY, tmp_path / "g.npz")
    again = read_gallery(tmp_path / "g.npz")
    assert again.names == GALLERY.names
    assert np.array_equal(again.vectors, GALLERY.vectors) and np.array_equal(again.owners, GALLERY.owners)
    assert [path.name for path in tmp_path.iterdir()] == ["g.npz"]


@pytest.mark.faults
def test_what_holds_no_prototypes(tmp_path: Path) -> None:
    path = tmp_path / "g.npz"
    names, vectors = np.array(["car"]), np.ones((2, 2), np.float32)
    kinds: list[dict[str, object]] = [
        {"names": names, "vectors": vectors},
        {"names": names, "vectors": vectors, "owners": np.array([0, 1])},
        {"names": names, "vectors": vectors, "owners": np.array([0])},
        {"names": names, "vectors": vectors[0], "owners": np.array([0, 0])},
        {"names": np.array([Path()], object), "vectors": vectors, "owners": np.array([0, 0])},
        {"names": names, "vectors": np.array(["a", "b"])[:, None], "owners": np.array([0, 0])},
    ]
    for kind in kinds:
        np.savez(path, **kind)  # type: ignore[arg-type]
        with pytest.raises(VeraError, match="holds no prototypes"):
            read_gallery(path)
    for content in (b"", b"junk", b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(VeraError, match="holds no prototypes"):
            read_gallery(path)

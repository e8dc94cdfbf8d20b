import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from vera.arrays import read_arrays
from vera.errors import VeraError

pytestmark = pytest.mark.faults


def test_arrays_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.arange(6).reshape(2, 3), b=np.array(["x"]), c=np.ones(1))
    held = read_arrays(path, ("b", "a"))
    assert list(held) == ["b", "a"]
    assert np.array_equal(held["a"], [[0, 1, 2], [3, 4, 5]]) and held["b"].tolist() == ["x"]


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)  # amid the packed bytes
    path.write_bytes(data)


def bomb(path: Path) -> None:
    """8 MB that are 8 KB on the disk."""
    np.savez_compressed(path, a=np.zeros(1 << 20))


def claim(path: Path) -> None:
    """A header that tells of more than any machine has."""
    with zipfile.ZipFile(path, "w") as archive:
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1125899906842624,), }".ljust(117) + b"\n"
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)


@pytest.mark.parametrize(
    "spoil",
    [
        damaged,
        bomb,
        claim,
        lambda path: np.savez(path, a=np.array([Path()], object)),
        lambda path: np.savez(path, b=np.ones(2)),
        lambda path: np.save(path.open("wb"), np.ones(2)),
        lambda path: path.write_bytes(b"PK\x03\x04"),
        Path.unlink,
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), os.mkfifo(path)),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, spoil: object) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.random.default_rng(0).random(100))
    spoil(path)  # type: ignore[operator]
    with pytest.raises(VeraError, match=r"a\.npz: "):
        read_arrays(path, ("a",), 1 << 20)

"""Look-up tables that a stranger wrote: in use, or refused in one line, in little time and memory."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from vera.color.lut import LONGEST_CURVE, WIDEST_CUBE, Lut, read_cube
from vera.errors import VeraError

pytestmark = pytest.mark.faults

ROWS = "\n".join(f"{r} {g} {b}" for b in (0, 1) for g in (0, 1) for r in (0, 1))
CUBE = f"LUT_3D_SIZE 2\n{ROWS}\n"

WRONG = {
    "empty": "",
    "no size": ROWS,
    "a size alone": "LUT_3D_SIZE 2",
    "a size of nothing": f"LUT_3D_SIZE\n{ROWS}",
    "a size that is no number": f"LUT_3D_SIZE two\n{ROWS}",
    "size 1": "LUT_3D_SIZE 1\n0 0 0",
    "size 0": "LUT_3D_SIZE 0",
    "size -2": f"LUT_3D_SIZE -2\n{ROWS}",
    "a giant size": f"LUT_3D_SIZE 1000000000\n{ROWS}",
    "more digits than a number has": f"LUT_3D_SIZE {'9' * 5000}\n{ROWS}",
    "too few": CUBE.removesuffix("1 1 1\n"),
    "too many": CUBE + "1 1 1\n",
    "four channels": CUBE.replace("1 1 1", "1 1 1 1"),
    "two channels": f"LUT_3D_SIZE 2\n{'0 0' + chr(10)}" * 8,
    "words": CUBE.replace("1 1 1", "1 x 1"),
    "nan": CUBE.replace("1 1 1", "0 nan 1"),
    "infinite": CUBE.replace("1 1 1", "1 1e999 1"),
    "beyond all light": CUBE.replace("1 1 1", "1 1e300 1"),
    "a domain of nothing": f"DOMAIN_MIN\n{CUBE}",
    "a domain of nan": f"DOMAIN_MIN 0 nan 0\n{CUBE}",
    "a domain without end": f"DOMAIN_MAX 1 inf 1\n{CUBE}",
    "a domain turned round": f"DOMAIN_MIN 1 1 1\nDOMAIN_MAX 0 0 0\n{CUBE}",
    "a domain of no width": f"DOMAIN_MIN 0 0 0\nDOMAIN_MAX 1e-300 1 1\n{CUBE}",
    "both kinds": f"LUT_1D_SIZE 8\n{CUBE}",
    "NULs": CUBE.replace(" ", "\0"),
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_what_is_no_table(text: str, tmp_path: Path) -> None:
    (tmp_path / "look.cube").write_text(text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(VeraError, match=r"look\.cube: is not a \.cube LUT") as caught:
            read_cube(tmp_path / "look.cube")
    assert "\n" not in str(caught.value)


def test_what_is_no_file_to_read(tmp_path: Path) -> None:
    with (tmp_path / "giant.cube").open("wb") as file:
        file.truncate(100 << 30)
    os.mkfifo(tmp_path / "pipe.cube")
    (tmp_path / "folder.cube").mkdir()
    for path in (
        *tmp_path.iterdir(),
        tmp_path / "missing.cube",
        tmp_path / ("l" * 300),
        tmp_path / "a\0b",
        Path("/dev/zero"),
    ):
        with pytest.raises(VeraError) as caught:
            read_cube(path)
        assert "\n" not in str(caught.value)


def test_what_programs_write_is_read(tmp_path: Path) -> None:
    path = tmp_path / "look.cube"
    path.write_bytes(
        b'\xef\xbb\xbf# made by\r\nTITLE "Caf\xe9"\r\n\r\nLUT_3D_SIZE 2 # side\r\n'
        + ROWS.replace("\n", " # x\r\n").encode()
    )
    colors = np.random.default_rng(0).random((5, 3))
    assert np.allclose(read_cube(path).apply(colors), colors)
    path.write_text("LUT_1D_SIZE 3\nLUT_1D_INPUT_RANGE 0 2\n0 0 0\n1.0e0 1 1\n+2 2 2\n")
    assert np.allclose(read_cube(path).apply(colors), colors)


def test_rows_without_end_are_not_all_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vera.color.lut.MOST_ROWS", 100)
    monkeypatch.setattr("vera.color.lut.np.loadtxt", None)
    (tmp_path / "look.cube").write_text("LUT_1D_SIZE 5000\n" + "0 0 0\n" * 5000)
    with pytest.raises(VeraError, match="is not a"):
        read_cube(tmp_path / "look.cube")


@pytest.mark.parametrize(("kind", "most"), [("1D", LONGEST_CURVE), ("3D", WIDEST_CUBE)])
def test_the_largest_that_can_be_undone(kind: str, most: int, tmp_path: Path) -> None:
    """A table of the size limit has an inverse; a larger file says so."""
    shape = (most, 3) if kind == "1D" else (most, most, most, 3)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, most)] * (len(shape) - 1), indexing="ij"), -1)
    lut = Lut(np.broadcast_to(grid, shape), np.zeros(3), np.ones(3))
    assert np.abs(lut.apply_backwards(np.full((1, 3), 0.3)) - 0.3).max() < 1e-6
    size = most + 1
    (tmp_path / "wide.cube").write_text(f"LUT_{kind}_SIZE {size}\n" + "0 0 0\n" * (size if kind == "1D" else size**3))
    with pytest.raises(VeraError, match=rf"wide\.cube: has size {size}, and at most {most} can be undone") as caught:
        read_cube(tmp_path / "wide.cube")
    assert "\n" not in str(caught.value)

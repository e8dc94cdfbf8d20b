"""Interlaced footage and image sequences on the command line, from layers to a verified result."""

from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from tests.video.decoding.test_deinterlace import interlaced
from tests.video.test_sequence import pngs

from vera.cli import main
from vera.cli.options import Reading, parse_range, parse_size
from vera.errors import VeraError
from vera.layers import LayeredEdit, save_layers
from vera.layers.source_match import describe_source
from vera.pipelines.footage.outputs import default_out
from vera.video import Clip, open_clip


def save(folder: Path, info: Clip) -> str:
    alpha = np.zeros((info.frame_count, info.height, info.width), np.uint16)
    alpha[:, 8:16, 8:16] = 65535
    metadata = {"source": describe_source(info)}
    edit = LayeredEdit(np.full((*alpha.shape, 3), 200, np.uint8), alpha, info.pts, info.time_base, metadata)
    save_layers(edit, folder)
    return str(folder)


def test_interlaced_footage_needs_to_be_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    clip = interlaced(tmp_path, "ffv1.mkv")
    layers = save(tmp_path / "layers", open_clip(clip, deinterlace=True))
    command = ["composite", str(clip), layers, "--out", str(tmp_path / "b.mkv")]
    assert main(command) == 2
    assert "add --deinterlace" in capfd.readouterr().err
    assert main([*command, "--deinterlace"]) == 0
    assert main(["verify", str(clip), str(tmp_path / "b.mkv"), layers]) == 2
    assert main(["verify", str(clip), str(tmp_path / "b.mkv"), layers, "--deinterlace"]) == 0
    assert "changed                  0" in capfd.readouterr().out
    assert main([*command[:-1], str(tmp_path / "c.mkv"), "--deinterlace", "--master", "smart"]) == 0


@pytest.mark.parametrize("rate", [None, "25", "23.976", "30000/1001"])
def test_from_sequence_to_sequence(tmp_path: Path, rate: str | None, capfd: pytest.CaptureFixture[str]) -> None:
    folder = pngs(tmp_path / "in", range(1001, 1006))
    spoken = [] if rate is None else ["--rate", rate]
    layers = save(tmp_path / "layers", Reading(rate=rate).open(folder))
    out = tmp_path / "out" / "new.####.png"
    assert main(["composite", str(folder), layers, "--out", str(out), *spoken]) == 0
    assert sorted(path.name for path in out.parent.iterdir()) == [f"new.{number}.png" for number in range(1001, 1006)]
    assert main(["verify", str(folder), str(out), layers, *spoken]) == 0
    assert main(["verify", str(folder), layers, *spoken]) == 0
    if rate is not None:
        assert main(["composite", str(folder), layers, "--out", str(tmp_path / "wrong.mov")]) == 2
    (folder / "shot.1003.png").write_bytes((folder / "shot.1004.png").read_bytes())
    capfd.readouterr()
    assert main(["verify", str(folder), layers, *spoken]) == 2
    assert "is not the clip that the layers were made for" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("numbers", "name", "expected"),
    [
        (range(1001, 1003), "shot.{:04d}.png", "in-vera/shot.####.png"),
        (range(8, 12), "take2_{}_matte.png", "in-vera/take2_##_matte.png"),
        (range(3), "a{:03d}.jpg", "in-vera.mkv"),
    ],
)
def test_where_a_result_goes_by_default(tmp_path: Path, numbers: range, name: str, expected: str) -> None:
    assert default_out(pngs(tmp_path / "in", numbers, name)) == tmp_path / expected


@pytest.mark.parametrize("rate", ["", "0", "-1", "x", "1/0", "1e9"])
def test_rates_that_are_none(tmp_path: Path, rate: str, capfd: pytest.CaptureFixture[str]) -> None:
    folder = pngs(tmp_path / "in", range(2))
    assert main(["composite", str(folder), "layers", "--out", "b.mov", "--rate", rate]) == 2
    assert capfd.readouterr().err.count("\n") == 1


def test_edit_of_a_sequence(tmp_path: Path, tiny_model: Path) -> None:
    folder = pngs(tmp_path / "in", range(1, 6))
    assert main(["edit", str(folder), "add a red balloon", "--model", str(tiny_model), "--rate", "30"]) == 0
    made = sorted((tmp_path / "in-vera").iterdir())
    assert [path.name for path in made] == [f"shot.{number:04d}.png" for number in range(1, 6)]


def test_edit_of_linear_light(tmp_path: Path, tiny_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """EXR in, EXR out, and layers of it that lay once more to the same bytes."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(1, 6):
        noise = np.random.default_rng(number).normal(0.5, 1, (48, 64, 4)).astype(np.float16)
        with OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGBA": noise}) as file:
            file.write(str(folder / f"shot.{number:04d}.exr"))
    layers, made = str(tmp_path / "layers"), tmp_path / "in-vera"
    assert main(["edit", str(folder), "add a red balloon", "--model", str(tiny_model), "--ocio", "ACEScg"]) == 2
    assert "is linear light, which is shown as sRGB; leave out" in capfd.readouterr().err
    assert main(["edit", str(folder), "add a red balloon", "--model", str(tiny_model), "--layers", layers]) == 0
    assert main(["verify", str(folder), str(made), layers]) == 0
    assert "changed                  0" in capfd.readouterr().out
    assert '"color": "primaries 2, transfer 13 of H.273"' in Path(layers, "manifest.json").read_text(encoding="utf-8")
    assert main(["composite", str(folder), layers, "--out", str(tmp_path / "again" / "shot.####.exr")]) == 0
    names = sorted(path.name for path in made.iterdir())
    assert names == [f"shot.{number:04d}.exr" for number in range(1, 6)]
    assert all((made / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in names)


@pytest.mark.faults
def test_numbers_of_thousands_of_digits_are_no_sizes_and_no_frames() -> None:
    many = "9" * 5000
    for parse, text in (
        (parse_size, f"{many}x2"),
        (parse_size, "2x0"),
        (parse_range, f"{many}-"),
        (parse_range, f"-{many}"),
    ):
        with pytest.raises(VeraError, match="such as") as error:
            parse(text)
        assert len(str(error.value)) < 200
    assert parse_size("0640X360") == (640, 360)

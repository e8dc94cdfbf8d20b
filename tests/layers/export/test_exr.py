"""OpenEXR sequences, read back by the OpenEXR library and by ffmpeg's executable."""

import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from tests.layers.export.conftest import Case, decode

from vera.color.tags import ColorTags
from vera.errors import VeraError
from vera.layers import LayeredEdit, composite_clip, save_layers
from vera.layers.export import export_layers
from vera.video import open_clip

SIZE = (50, 66)


def to_linear(encoded: np.ndarray) -> np.ndarray:
    """BT.709, in double precision."""
    return np.where(encoded < 0.081, encoded / 4.5, ((encoded + 0.099) / 1.099) ** (1 / 0.45))


def read(path: Path) -> tuple[dict[str, dict[str, np.ndarray]], list[dict]]:
    """Channels by part and name, and the parts' headers."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        parts = {part.name(): {name: c.pixels for name, c in part.channels.items()} for part in file.parts}
        return parts, [dict(part.header) for part in file.parts]


def assert_half(stored: np.ndarray, exact: np.ndarray) -> None:
    """`stored` is `exact` as the nearest half float; single precision on the way may move it across a tie."""
    assert stored.dtype == np.float16
    spacing = np.spacing(np.abs(exact).astype(np.float16)).astype(np.float64)
    assert (np.abs(stored.astype(np.float64) - exact) <= 0.501 * spacing + 1e-9).all()


@pytest.mark.parametrize("light", ["linear", "display"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_half_floats_are_exact(make_case: Callable[..., Case], tmp_path: Path, light: str, dtype: type) -> None:
    case = make_case(tmp_path, dtype)
    (folder,) = export_layers(case.folder, "exr", out=tmp_path / "out", light=light)
    for index in range(6):
        encoded = case.edit[index] / np.iinfo(dtype).max
        straight = to_linear(encoded) if light == "linear" else encoded
        alpha = case.alpha[index] / 65535
        number = 1004 + index
        layer, (header,) = read(folder / "layer" / f"a_clip_layer_premultiplied.{number}.exr")
        matte, _ = read(folder / "matte" / f"a_clip_matte.{number}.exr")
        parts, headers = read(folder / "multipart" / f"a_clip_layers.{number}.exr")
        assert list(parts) == ["rgba", "edit", "matte"]
        for channel, name in enumerate("RGB"):
            assert_half(layer["rgba"][name], straight[..., channel] * alpha)
            assert_half(parts["edit"][f"edit.{name}"], straight[..., channel])
            assert np.array_equal(parts["rgba"][name], layer["rgba"][name])
            assert np.array_equal(matte["matte"][name], alpha.astype(np.float16))
        for stored in (layer["rgba"]["A"], parts["rgba"]["A"], parts["matte"]["matte.A"]):
            assert np.array_equal(stored, alpha.astype(np.float16))
        assert header["compression"] == OpenEXR.ZIP_COMPRESSION
        assert [part["veraAlpha"] for part in headers] == ["premultiplied", "straight", "none"]
        assert ("linear light" in header["veraEncoding"]) == (light == "linear")


def test_ffmpeg_reads_the_same(case: Case, tmp_path: Path) -> None:
    (folder,) = export_layers(case.folder, "exr", out=tmp_path)
    for kind in ("layer", "multipart"):
        path = sorted((folder / kind).iterdir())[0]
        planes = decode(path, "gbrapf16le", (4, *SIZE), "<f2")[0]
        parts, _ = read(path)
        assert all(np.array_equal(planes[index], parts["rgba"][name]) for index, name in enumerate("GBRA"))


def test_the_header_says_where_the_frame_belongs(case: Case, tmp_path: Path) -> None:
    (folder,) = export_layers(case.folder, "exr", out=tmp_path)
    header = read(folder / "layer" / "a_clip_layer_premultiplied.1005.exr")[1][0]
    assert header["framesPerSecond"] == Fraction(24000, 1001)
    code = header["timeCode"]
    assert (code.hours, code.minutes, code.seconds, code.frame, code.dropFrame) == (1, 0, 0, 14, 0)
    assert np.allclose(header["chromaticities"], (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329))
    assert OpenEXR.chromaticitiesToColorInteropID(header["chromaticities"]) == "lin_rec709_scene"


def test_fifty_frames_a_second_count_in_pairs(make_case: Callable[..., Case], tmp_path: Path) -> None:
    case = make_case(tmp_path, fps=50, timecode="10:00:00:46", size=(18, 12))
    (folder,) = export_layers(case.folder, "exr", out=tmp_path / "out")
    first, second = (read(path)[1][0]["timeCode"] for path in sorted((folder / "layer").iterdir())[:2])
    assert [(code.seconds, code.frame, code.fieldPhase) for code in (first, second)] == [(0, 24, 1), (1, 0, 0)]


def test_a_cameras_log_stays_as_it_is_or_is_refused(make_case: Callable[..., Case], tmp_path: Path) -> None:
    case = make_case(tmp_path, color=ColorTags(1, 1, 9, 1), size=(18, 12))
    with pytest.raises(VeraError, match="--light display"):
        export_layers(case.folder, "exr", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    for target in ("exr", "nuke"):
        (folder,) = export_layers(case.folder, target, out=tmp_path / "out", light="display")
        assert "transfer 9 of ITU-T H.273" in (folder / "README.txt").read_text()


def test_without_the_library_one_line_says_what_to_install(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, target in (("OpenEXR", "nuke"), ("opentimelineio", "otio"), ("psd_tools", "psd")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(VeraError, match="pip install"):
            export_layers(case.folder, target, out=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("target", ["exr", "nuke"])
def test_over_a_plate_of_linear_light(tmp_path: Path, target: str) -> None:
    """The layer is linear light too, so that merging the files is Vera's own result, and needs no curve."""
    (tmp_path / "in").mkdir()
    plate = np.random.default_rng(0).normal(0.5, 2, (8, 12, 3)).astype(np.float16)
    with OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGB": plate.copy()}) as file:
        file.write(str(tmp_path / "in" / "a.0007.exr"))
    info = open_clip(tmp_path / "in")
    random = np.random.default_rng(1)
    alpha = (random.uniform(-0.5, 1.5, (1, 8, 12)).clip(0, 1) * 65535).round().astype(np.uint16)
    edit = LayeredEdit(random.integers(0, 65536, (1, 8, 12, 3)).astype(np.uint16), alpha, info.pts, info.time_base)
    composite_clip(tmp_path / "in", edit, tmp_path / "out" / "a.####.exr")
    save_layers(edit, tmp_path / "layers")
    [folder] = export_layers(tmp_path / "layers", target, source=tmp_path / "in")
    with OpenEXR.File(str(folder / "layer" / "a_layer_premultiplied.0007.exr")) as file:
        layer = file.channels()["RGBA"].pixels.astype(np.float64)
    with OpenEXR.File(str(tmp_path / "out" / "a.0007.exr")) as file:
        result = file.channels()["RGB"].pixels.astype(np.float64)
    merged = layer[..., :3] + (1 - layer[..., 3:]) * plate
    assert np.abs(merged - result).max() < 2**-11 * (np.abs(plate).max() + 1) * 2
    assert "as the plate's are" in (folder / "README.txt").read_text()
    [pictures] = export_layers(tmp_path / "layers", "png", source=tmp_path / "in")
    said = "linear light; what is not OpenEXR here holds it by the transfer IEC61966_2_1"
    assert said in (pictures / "README.txt").read_text()
    if target == "nuke":
        assert "Expression {" not in (folder / "a.nk").read_text()
    with pytest.raises(VeraError, match="is linear light, and so are layers for it; export with --light linear"):
        export_layers(tmp_path / "layers", target, source=tmp_path / "in", light="display")

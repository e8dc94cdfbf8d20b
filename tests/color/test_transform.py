"""The view of HDR, wide-gamut and log footage: its reference values, and that view and inverse agree."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.clips import make_frame

from vera.color.lut import read_cube
from vera.color.matrix import rgb_to_ycbcr
from vera.color.primaries import to_xyz
from vera.color.tags import ColorTags, apply_tags
from vera.color.transfer import HLG, PQ, decode, encode, tone_map, tone_unmap
from vera.color.transform import color_transform, edit_to_source
from vera.errors import VeraError
from vera.video import Orientation, model_view, planes
from vera.video.view import picture, source_view

Look = Callable[[np.ndarray], np.ndarray]
ALL = np.stack(np.meshgrid(*[np.linspace(0, 1, 18)] * 3, indexing="ij"), -1).reshape(-1, 3)
NEEDED = {  # transfer and primaries, numbers of H.273
    "bt2020 PQ": (16, 9),
    "bt2020 HLG": (18, 9),
    "bt709 HLG": (18, 1),
    "bt2020 SDR": (14, 9),
    "bt601 525": (6, 6),
    "bt601 625": (6, 5),
    "Display P3": (13, 12),
    "gamma 2.8": (5, 1),
    "linear": (8, 1),
}


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_drawn_comes_back_as_it_was_seen(name: str) -> None:
    """The view of the inverse of every BT.709 colour is that colour, unless the source's gamut does not hold it."""
    trc, primaries = NEEDED[name]
    transform = color_transform(ColorTags(trc=trc, primaries=primaries))
    assert transform is not None
    back = transform.to_view(transform.to_source(ALL))
    inside = transform.to_source(ALL)
    kept = ((inside > 1e-6) & (inside < 1 - 1e-6)).all(1) if "601" in name else np.ones(len(ALL), bool)
    assert np.abs(back - ALL)[kept].max() < 4e-6 and kept.mean() > 0.5
    assert np.abs(back**2.4 - ALL**2.4).max() < 0.1


@pytest.mark.parametrize(("trc", "primaries"), [(1, 1), (2, 2), (6, 1), (1, 2), (14, 1)])
def test_footage_that_is_shown_as_bt709_is_left_alone(trc: int, primaries: int) -> None:
    assert color_transform(ColorTags(trc=trc, primaries=primaries)) is None
    frame = make_frame((16, 8), "yuv420p")
    assert np.array_equal(source_view(frame, 16, 8), model_view(frame, 16, 8))


def test_reference_levels() -> None:
    """PQ and HLG by BT.2100 and BT.2408: 58 % PQ and 75 % HLG are the 203 cd/m2 of HDR's reference white."""
    white = to_xyz(9)[1]
    assert decode(np.full(3, 0.5806), PQ, white) == pytest.approx(203, rel=2e-3)
    assert decode(np.full(3, 0.75), HLG, white) == pytest.approx(203, rel=3e-3)
    assert decode(np.ones(3), PQ, white) == pytest.approx(10000)
    assert decode(np.ones(3), HLG, white) == pytest.approx(1000)
    assert decode(np.full(3, 0.5), 1, white) == pytest.approx(100 * 0.5**2.4)
    # The conditions of BT.2446 method C: 75 % HLG becomes 96 % of SDR, and the knee is at 80 %.
    assert float(tone_map(np.array(203.0))) ** (1 / 2.4) / 100 ** (1 / 2.4) == pytest.approx(0.96, abs=1e-3)
    assert white == pytest.approx([0.2627, 0.6780, 0.0593], abs=1e-4)
    assert to_xyz(1)[1] == pytest.approx([0.2126, 0.7152, 0.0722], abs=1e-4)


@given(st.floats(0, 1000))
def test_tone_curve_and_its_inverse(luminance: float) -> None:
    assert float(tone_unmap(tone_map(np.array(luminance)))) == pytest.approx(luminance, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("trc", [1, 4, 5, 8, 13, PQ, HLG])
def test_codes_and_light(trc: int) -> None:
    luminance = to_xyz(9)[1]
    codes = ALL[ALL.min(1) > 0] if trc == HLG else ALL
    assert np.abs(encode(decode(codes, trc, luminance), trc, luminance) - codes).max() < 1e-6


def test_a_bright_source_is_clipped_only_in_the_view() -> None:
    transform = color_transform(ColorTags(trc=PQ, primaries=9))
    assert transform is not None
    assert transform.to_view(np.ones((1, 3))) == pytest.approx(np.ones((1, 3)))
    assert transform.to_view(np.array([[1.0, 0, 0]])).max() <= 1


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv422p10le", "p010le", "yuv444p12le", "gbrp12le", "gray10le"])
def test_frame_to_view_and_back(pix_fmt: str) -> None:
    """A grey PQ frame: its view is the code by hand, and the view as an edit layer is the frame's own colour again."""
    frame = av.VideoFrame(16, 8, pix_fmt)
    apply_tags(ColorTags(range=1, space=9, trc=PQ, primaries=9), frame)
    depth = frame.format.components[0].bits
    level = 0.45
    codes = np.full(3, level * (2**depth - 1))
    if not pix_fmt.startswith("gb"):
        codes = rgb_to_ycbcr(np.full(3, level), ColorTags(range=1, space=9), depth, 8)
    for index, plane in enumerate(planes(frame)):
        plane[...] = np.rint(codes[index]).astype(np.uint16) << (6 if pix_fmt == "p010le" else 0)
    transform = color_transform(ColorTags(trc=PQ, primaries=9))
    assert transform is not None
    view = source_view(frame, 8, 4, Orientation(turns=1), transform)
    expected = transform.to_view(np.full(3, level))
    assert view.shape == (4, 8, 3) and np.abs(view / 255 - expected).max() < 1 / 255
    back = edit_to_source(np.float32(view / 255), transform)
    assert back.dtype == np.uint16 and np.abs(back / 65535 - level).max() < 2 / 255
    assert np.abs(picture(frame, (16, 8)) - level).max() < 1 / 2**depth


def write_cube(path: Path, size: int, kind: str = "3D", extra: str = "", look: Look | None = None) -> None:
    """A log curve shown in BT.709, or another look of colours `[N,3]`."""
    grid = np.linspace(0, 1, size)
    if kind == "1D":
        rows = np.repeat((look or show)(np.repeat(grid[:, None], 3, 1))[:, :1], 3, 1)
    else:
        blue, green, red = np.meshgrid(grid, grid, grid, indexing="ij")
        rows = (look or show)(np.stack([red, green, blue], -1).reshape(-1, 3))
    text = "\n".join(" ".join(f"{value:.7f}" for value in row) for row in rows)
    path.write_text(f'TITLE "log"\n# a remark\nLUT_{kind}_SIZE {size}\n{extra}{text}\n', encoding="utf-8")


def show(log: np.ndarray) -> np.ndarray:
    """Exponential, a matrix that separates colours, and a soft shoulder."""
    light = (2.0 ** (log * 9 - 7) - 2.0**-7) @ np.array([[1.1, -0.05, -0.05], [-0.05, 1.1, -0.05], [-0.05, -0.05, 1.1]])
    return (light.clip(0) / (1 + light.clip(0)) * 1.25).clip(0, 1) ** (1 / 2.4)


def test_a_cube_is_read_and_applied(tmp_path: Path) -> None:
    write_cube(tmp_path / "log.cube", 33)
    lut = read_cube(tmp_path / "log.cube")
    grid = np.random.default_rng(0).integers(0, 33, (200, 3)) / 32
    assert np.abs(lut.apply(grid) - show(grid)).max() < 1e-6
    middle = (lut.apply(np.array([[4, 8, 9]]) / 32) + lut.apply(np.array([[5, 8, 9]]) / 32)) / 2
    assert lut.apply(np.array([[4.5, 8, 9]]) / 32) == pytest.approx(middle)
    assert lut.apply(np.array([-1.0, 0, 2])) == pytest.approx(lut.apply(np.array([0.0, 0, 1])))


def noisy(log: np.ndarray) -> np.ndarray:
    return (show(log) + np.random.default_rng(5).normal(0, 0.002, log.shape)).clip(0, 1)


def film(log: np.ndarray) -> np.ndarray:
    """Black and white lie within the range, and colours are mixed."""
    return 0.05 + 0.87 * show(log) @ (np.full((3, 3), 0.1) + 0.7 * np.eye(3))


@pytest.mark.parametrize("domain", ["", "DOMAIN_MIN -0.1 0 0.2\nDOMAIN_MAX 1.2 1 2\n"])
@pytest.mark.parametrize("look", [show, noisy, film])
@pytest.mark.parametrize(("kind", "size"), [("1D", 1024), ("3D", 17), ("3D", 33)])
def test_a_lut_and_its_inverse_agree(kind: str, size: int, look: Look, domain: str, tmp_path: Path) -> None:
    """What it shows of any colour comes back as it was shown; a curve of noise is made to rise first."""
    write_cube(tmp_path / "log.cube", size, kind, domain, look)
    transform = color_transform(ColorTags(), lut=tmp_path / "log.cube")
    assert transform is not None and transform.name == "LUT log.cube"
    shown = transform.to_view(np.random.default_rng(1).uniform(0, 1, (40, 50, 3)))
    back = transform.to_view(transform.to_source(shown))
    assert back.shape == shown.shape and back.dtype == np.float64
    assert np.abs(back - shown).max() < (1e-6 if look is not noisy else 0.02)
    assert np.median(np.abs(back - shown)) < 1e-6 or (kind, look) == ("1D", noisy)
    assert len(transform.to_source(shown[:0])) == 0


def test_a_falling_curve_comes_back(tmp_path: Path) -> None:
    write_cube(tmp_path / "negative.cube", 64, "1D", look=lambda log: 1 - log)
    transform = color_transform(ColorTags(), lut=tmp_path / "negative.cube")
    assert transform is not None and np.abs(transform.to_source(ALL) - (1 - ALL)).max() < 1e-6


def test_what_a_lut_cannot_show_becomes_near(tmp_path: Path) -> None:
    """No colour comes back farther from what was asked than the nearest of a grid by more than a fifth of the range."""
    write_cube(tmp_path / "film.cube", 33, look=film)
    transform = color_transform(ColorTags(), lut=tmp_path / "film.cube")
    assert transform is not None
    wanted, reached = ALL[::17], transform.to_view(ALL)
    nearest = np.sqrt(np.square(wanted[:, None] - reached).sum(-1)).min(1)
    missed = np.linalg.norm(transform.to_view(transform.to_source(wanted)) - wanted, axis=1)
    assert nearest.max() > 0.2 and (missed < nearest + 0.2).all() and (missed - nearest).mean() < 0.02


def test_a_lut_that_shows_colours_as_greys_is_refused(tmp_path: Path) -> None:
    write_cube(tmp_path / "grey.cube", 17, look=lambda log: show(log).mean(1, keepdims=True).repeat(3, 1))
    with pytest.raises(
        VeraError, match=r"grey\.cube: shows different colours as one .* choose a LUT that keeps"
    ) as caught:
        color_transform(ColorTags(), lut=tmp_path / "grey.cube")
    assert "\n" not in str(caught.value)


def test_a_lut_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    for power in (1.0, 2.0):
        write_cube(tmp_path / "log.cube", 5, look=lambda log, power=power: log**power)
        transform = color_transform(ColorTags(), lut=tmp_path / "log.cube")
        assert transform is not None and transform.to_view(np.full(3, 0.5)) == pytest.approx(0.5**power)


def test_ranges_of_a_cube(tmp_path: Path) -> None:
    write_cube(tmp_path / "log.cube", 5, extra="DOMAIN_MIN 0 0 0\nDOMAIN_MAX 2 2 2\n")
    assert read_cube(tmp_path / "log.cube").apply(np.full(3, 2.0)) == pytest.approx(show(np.ones((1, 3)))[0])
    write_cube(tmp_path / "log.cube", 5, extra="LUT_3D_INPUT_RANGE 0.0 2.0\n")
    assert read_cube(tmp_path / "log.cube").apply(np.full(3, 2.0)) == pytest.approx(show(np.ones((1, 3)))[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "LUT_3D_SIZE 2\n0 0 0\n",
        "LUT_3D_SIZE two\n",
        "LUT_3D_SIZE 2\n" + "a b c\n" * 8,
        "LUT_1D_SIZE 2\nLUT_3D_SIZE 2\n0 0 0\n1 1 1\n",
        "LUT_1D_SIZE 2\nDOMAIN_MIN 1 1 1\n0 0 0\n1 1 1\n",
        "LUT_1D_SIZE 2\nDOMAIN_MIN 0\n0 0 0\n1 1 1\n",
        "LUT_1D_SIZE 2\n0 0 0\n1 1 nan\n",
        "\0\1\2",
    ],
)
def test_what_is_no_lut_is_said_in_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.cube").write_text(text)
    with pytest.raises(VeraError, match=r"not a \.cube LUT"):
        color_transform(ColorTags(), lut=tmp_path / "bad.cube")
    with pytest.raises(VeraError, match="No such file"):
        color_transform(ColorTags(), lut=tmp_path / "none.cube")
    with pytest.raises(VeraError, match="not both"):
        color_transform(ColorTags(), lut=tmp_path / "bad.cube", ocio="ARRI LogC4")


def test_opencolorio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OCIO", raising=False)
    transform = color_transform(ColorTags(), ocio="ARRI LogC4")
    assert transform is not None
    error = np.abs(transform.to_view(transform.to_source(ALL)) - ALL).max(1)
    assert np.quantile(error, 0.98) < 1 / 510 and error.max() < 4 / 255
    with pytest.raises(VeraError, match="'No Such Log'"):
        color_transform(ColorTags(), ocio="No Such Log")

"""ProRes 4444, QuickTime Animation, FFV1 and WebM, read back by ffmpeg's executable."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.clips import make_clip
from tests.layers.export.conftest import FIRST, Case, decode, describe, ffmpeg

from vera.color.matrix import rgb_to_ycbcr
from vera.color.tags import ColorTags
from vera.layers import LayeredEdit, composite_clip, load_layers, save_layers
from vera.layers.export import export_layers
from vera.layers.export.samples import rescale
from vera.video import UPRIGHT, open_clip

SIZE = (50, 66)  # height, width
BT709 = ColorTags(1, 1, 1, 1)


def psnr(codes: np.ndarray, exact: np.ndarray, top: int) -> float:
    return float(10 * np.log10(top**2 / np.mean((codes - exact) ** 2)))


def export(case: Case, target: str, out: Path) -> tuple[Path, Path]:
    (folder,) = export_layers(case.folder, target, out=out)
    (layer,), (matte,) = folder.glob("*_layer_straight.*"), folder.glob("*_matte.*")
    return layer, matte


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_prores_alpha_is_exact_at_ten_bits(make_case: Callable[..., Case], tmp_path: Path, dtype: type) -> None:
    case = make_case(tmp_path, dtype, color=BT709)
    layer, matte = export(case, "prores4444", tmp_path / "out")
    planes = decode(layer, "yuva444p12le", (4, *SIZE), "<u2")
    # The decoder gives twelve of the sixteen bits that the file holds.
    assert np.array_equal(planes[:, 3] >> 2, rescale(case.alpha, 1023))
    assert np.array_equal(planes[:, 3] == 0, case.alpha < 33) and np.array_equal(
        planes[:, 3] == 4095, case.alpha > 65502
    )
    rgb = case.edit / np.iinfo(dtype).max
    exact = rgb_to_ycbcr(rgb, BT709, 12, SIZE[0])
    assert psnr(planes[:, :3], np.moveaxis(exact, -1, 1), 4095) > 60
    luma = decode(matte, "yuv422p10le", (2 * SIZE[0] * SIZE[1],), "<u2")[:, : SIZE[0] * SIZE[1]].reshape(-1, *SIZE)
    assert psnr(luma, 64 + case.alpha / 65535 * 876, 1023) > 35  # noise, the hardest there is


def test_prores_carries_times_tags_and_timecode(case: Case, tmp_path: Path) -> None:
    for path in export(case, "prores4444", tmp_path):
        info = open_clip(path)
        times = [(case.info.pts[FIRST + i] - case.info.pts[FIRST]) * case.info.time_base for i in range(6)]
        assert [pts * info.time_base for pts in info.pts] == times
        assert (info.average_rate, info.display_size) == (Fraction(24000, 1001), (66, 50))
        assert (info.timecode, info.audio) == ("01:00:00:13", ())
        assert (info.color.space, info.color.trc, info.color.primaries) == (1, 1, 1)
    assert "prores (4444) (ap4h" in describe(export(case, "prores4444", tmp_path)[0])


def test_qtrle_is_exact(case: Case, tmp_path: Path) -> None:
    layer, matte = export(case, "qtrle", tmp_path)
    argb = decode(layer, "argb", (*SIZE, 4), "u1")
    alpha = rescale(case.alpha, 255)
    assert np.array_equal(argb[..., 0], alpha) and np.array_equal(argb[..., 1:], case.edit)
    assert np.array_equal(decode(matte, "rgb24", (*SIZE, 3), "u1"), np.repeat(alpha[..., None], 3, -1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_ffv1_is_exact_at_sixteen_bits(make_case: Callable[..., Case], tmp_path: Path, dtype: type) -> None:
    case = make_case(tmp_path, dtype)
    layer, matte = export(case, "ffv1", tmp_path / "out")
    green, blue, red, alpha = np.moveaxis(decode(layer, "gbrap16le", (4, *SIZE), "<u2"), 1, 0)
    assert np.array_equal(np.stack([red, green, blue], -1), rescale(case.edit, 65535))
    assert np.array_equal(alpha, case.alpha)
    assert np.array_equal(decode(matte, "gray16le", SIZE, "<u2"), case.alpha)


def test_webm_holds_exactly_its_planes(case: Case, tmp_path: Path) -> None:
    layer, matte = export(case, "webm", tmp_path)
    assert "alpha_mode" in describe(layer)
    raw = decode(layer, "yuva420p", (SIZE[0] * SIZE[1] * 5 // 2,), "u1", "-c:v", "libvpx-vp9")
    full, quarter = SIZE[0] * SIZE[1], SIZE[0] * SIZE[1] // 4
    luma, alpha = raw[:, :full].reshape(-1, *SIZE), raw[:, -full:].reshape(-1, *SIZE)
    assert np.array_equal(alpha, rescale(case.alpha, 255))
    exact = rgb_to_ycbcr(case.edit / 255, BT709, 8, SIZE[0])
    assert np.abs(luma - exact[..., 0]).max() < 0.501
    cb = raw[:, full : full + quarter].reshape(-1, SIZE[0] // 2, SIZE[1] // 2)
    mean = exact[..., 1].reshape(-1, SIZE[0] // 2, 2, SIZE[1] // 2, 2).mean((2, 4))
    assert np.abs(cb - mean).max() < 0.51
    matte_luma = decode(matte, "yuv420p", (full * 3 // 2,), "u1")[:, :full].reshape(-1, *SIZE)
    assert np.abs(matte_luma - (16 + case.alpha / 65535 * 219)).max() < 0.501


@pytest.mark.parametrize("target", ["prores4444", "qtrle", "webm", "ffv1"])
@pytest.mark.parametrize(
    "options",
    [
        {"size": (33, 25), "pix_fmt": "yuv444p", "codec": "libx264"},
        {"size": (34, 26), "rotation": 90, "pix_fmt": "yuv420p"},
        {"pts": [0, 1, 2, 5, 6, 9, 10, 11, 20, 21, 22, 23], "time_base": Fraction(1, 100), "timecode": None},
        {"sample_aspect": Fraction(16, 11), "rotation": 270},
        {"color": ColorTags(2, 9, 16, 9)},
        {"color": None, "timecode": None},
    ],
    ids=["odd", "turned", "variable", "anamorphic", "pq", "untagged"],
)
def test_every_kind_of_source(
    make_case: Callable[..., Case], tmp_path: Path, target: str, options: dict[str, Any]
) -> None:
    case = make_case(tmp_path, **options)
    layer, _ = export(case, target, tmp_path / "out")
    info = open_clip(layer)
    assert (info.display_size, info.orientation, info.frame_count) == (case.info.display_size, UPRIGHT, 6)
    start = case.info.pts[FIRST]
    times = [float((pts - start) * case.info.time_base) for pts in case.info.pts[FIRST : FIRST + 6]]
    assert np.allclose([float(pts * info.time_base) for pts in info.pts], times, atol=0.0006)  # Matroska: milliseconds
    if "sample_aspect" in options and target in ("prores4444", "qtrle"):
        assert info.sample_aspect == Fraction(11, 16)
    if options.get("color") and target == "prores4444":
        assert (info.color.space, info.color.trc, info.color.primaries) == (9, 16, 9)


def test_an_rgb_source_gets_a_matrix(make_case: Callable[..., Case], tmp_path: Path) -> None:
    case = make_case(tmp_path, pix_fmt="rgb24", codec="png", color=None)
    layer, _ = export(case, "prores4444", tmp_path / "out")
    assert open_clip(layer).color.space == 1


@pytest.mark.parametrize(
    ("size", "tags"),
    [((96, 720), (1, 1, 1)), ((20, 576), (5, 6, 6)), ((20, 480), (6, 6, 6))],
    ids=["HD", "PAL", "NTSC"],
)
def test_an_untagged_source_gets_what_players_take_it_for(
    make_case: Callable[..., Case], tmp_path: Path, size: tuple[int, int], tags: tuple[int, int, int]
) -> None:
    case = make_case(tmp_path, color=None, size=size)
    layer, _ = export(case, "prores4444", tmp_path / "out")
    color = open_clip(layer).color
    assert (color.primaries, color.trc, color.space) == tags


def test_the_library_reads_the_alpha_too(case: Case, tmp_path: Path) -> None:
    layer, _ = export(case, "prores4444", tmp_path)
    with av.open(str(layer)) as container:
        frame = next(container.decode(video=0))
    assert frame.format.name == "yuva444p12le"


@pytest.mark.parametrize("target", ["prores4444", "ffv1", "qtrle"])
def test_laid_over_the_plate_by_ffmpeg_it_is_veras_result(
    make_case: Callable[..., Case], tmp_path: Path, target: str
) -> None:
    """The README's command: the layer lies on the right frames, and its alpha is taken as what it is."""
    case = make_case(tmp_path, pix_fmt="yuv444p", fps=25, color=BT709)
    layer, _ = export(case, target, tmp_path / "out")
    laid = tmp_path / "laid.mkv"
    offset = FIRST / 25
    chain = "[1]scale=out_color_matrix=bt709:flags=accurate_rnd+full_chroma_int,format=yuva444p[l];"
    chain += "[0][l]overlay=eof_action=pass:format=yuv444"
    command = ["-i", case.info.path, "-itsoffset", offset, "-i", layer, "-filter_complex", chain]
    ffmpeg(*command, "-c:v", "ffv1", laid)
    composite_clip(case.info.path, load_layers(case.folder), tmp_path / "result.mkv")
    by_ffmpeg, by_vera = (decode(path, "yuv444p", (3, *SIZE), "u1") for path in (laid, tmp_path / "result.mkv"))
    difference = np.abs(by_ffmpeg.astype(int) - by_vera)
    assert difference.max() <= 4 and difference.mean() < 0.5
    assert np.array_equal(by_ffmpeg[:FIRST], by_vera[:FIRST]) and len(by_ffmpeg) == len(by_vera)


@pytest.mark.faults
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rate", [Fraction(480), Fraction(1, 10)])
def test_a_rate_that_no_timecode_counts(tmp_path: Path, rate: Fraction) -> None:
    """Slow motion as cameras record it, and time lapses."""
    source = open_clip(make_clip(tmp_path / "a.mp4", 4, fps=rate))
    alpha = np.full((4, 48, 64), 65535, np.uint16)
    edit = LayeredEdit(np.zeros((*alpha.shape, 3), np.uint8), alpha, source.pts, source.time_base)
    save_layers(edit, tmp_path / "layers")
    (folder,) = export_layers(tmp_path / "layers", "prores4444", source=source, force=True)
    movie = open_clip(next(folder.glob("*_matte.mov")))
    assert (movie.timecode, movie.frame_count, movie.average_rate) == (None, 4, rate)


@pytest.mark.faults
def test_what_a_movie_cannot_hold_is_told_of_the_name_it_has(make_case: Callable[..., Case], tmp_path: Path) -> None:
    """Not of the hidden folder that it grew in, which is gone."""
    light = "master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(40000000,50):max-cll=1000,400"
    options = {"x265-params": f"lossless=1:log-level=none:hdr10=1:{light}"}
    hdr = {"codec": "libx265", "pix_fmt": "yuv420p10le", "color": ColorTags(1, 9, 16, 9), "options": options}
    case = make_case(tmp_path, **hdr)
    with pytest.warns(UserWarning, match="HDR metadata") as told:
        layer, matte = export(case, "qtrle", tmp_path / "out")
    assert {str(warning.message).split(": ")[0] for warning in told} == {str(layer), str(matte)}

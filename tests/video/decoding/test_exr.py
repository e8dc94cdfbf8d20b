"""EXR sequences: each sample as the OpenEXR library and the ffmpeg executable have it, and all else carried over."""

import struct
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from numpy.typing import NDArray
from tests.executable import ffmpeg

from vera.color.primaries import PRIMARIES
from vera.color.transfer import srgb_encode
from vera.errors import DamageWarning, VeraError
from vera.video import FrameReader, FrameWriter, copy_frame, model_view, open_clip, planes

SIZE = (64, 48)
Channels = dict[str, NDArray[Any]]
Header = dict[str, Any]


def window(left: int, top: int, right: int, bottom: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    return np.array([left, top], np.int32), np.array([right, bottom], np.int32)


def every(dtype: type, seed: int) -> NDArray[Any]:
    """Every kind of sample: noise over all patterns of bits, so below 0 and above 1, infinite and no number at all."""
    bits = np.uint16 if dtype is np.float16 else np.uint32
    random = np.random.default_rng(seed).integers(0, np.iinfo(bits).max, SIZE[::-1], bits, endpoint=True)
    return random.view(dtype)


def channels(names: str = "RGB", dtype: type = np.float16, seed: int = 0) -> Channels:
    return {name: every(dtype, seed + index) for index, name in enumerate(names)}


def part(channels: Channels, name: str = "", **header: Any) -> OpenEXR.Part:
    known = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    return OpenEXR.Part(known | header, {key: pixels.copy() for key, pixels in channels.items()}, name)


def write(path: Path, *parts: OpenEXR.Part) -> Path:
    path.parent.mkdir(exist_ok=True)
    with OpenEXR.File(list(parts)) as file:
        file.write(str(path))
    return path


def stored(path: Path) -> list[tuple[Header, Channels]]:
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return [(dict(part.header), {n: c.pixels for n, c in part.channels.items()}) for part in file.parts]


def picture(folder: Path) -> list[NDArray[Any]]:
    """The planes of a sequence's first frame."""
    with FrameReader(folder) as reader:
        return [plane.copy() for plane in planes(next(iter(reader)))]


def rewrite(folder: Path, change: Callable[[list[NDArray[Any]]], None] = lambda views: None) -> tuple[Path, list[str]]:
    """The sequence read and written, its planes changed on the way; the new one's folder and the writer's notices."""
    out = folder.with_name("out")
    with FrameReader(folder) as reader, FrameWriter(out / "b.####.exr", open_clip(folder), audio_from=folder) as writer:
        for frame in reader:
            copy = copy_frame(frame)
            change(list(planes(copy)))
            writer.write(copy)
            assert not out.exists()
    return out, writer.notices


def same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Bit for bit."""
    return one.dtype == other.dtype and np.ascontiguousarray(one).tobytes() == np.ascontiguousarray(other).tobytes()


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize(
    ("names", "pix_fmt", "order"),
    [("RGB", "gbrp", "GBR"), ("RGBA", "gbrap", "GBRA"), ("Y", "gray", "Y"), ("YA", "ya", "YA")],
)
def test_samples_are_the_files_own_there_and_back(
    tmp_path: Path, names: str, pix_fmt: str, order: str, dtype: type
) -> None:
    kind = "f16le" if dtype is np.float16 else "f32le"
    for number in (1, 2):
        write(tmp_path / "in" / f"a.{number:04d}.exr", part(channels(names, dtype, number)))
    info = open_clip(tmp_path / "in")
    assert (info.pix_fmt, info.codec, info.color.trc, info.frame_count) == (pix_fmt + kind, "exr", 13, 2)
    views = picture(tmp_path / "in")
    if pix_fmt == "ya":
        views = [views[0][..., index] for index in range(2)]
    assert all(same(view, channels(names, dtype, 1)[name]) for view, name in zip(views, order, strict=True))
    if pix_fmt != "ya":  # which the executable does not decode
        raw = tmp_path / "raw"
        ffmpeg("-i", tmp_path / "in" / "a.0001.exr", "-pix_fmt", pix_fmt + kind, "-f", "rawvideo", raw)
        assert raw.read_bytes() == b"".join(np.ascontiguousarray(view).tobytes() for view in views)
    out, notices = rewrite(tmp_path / "in")
    assert notices == [] and sorted(path.name for path in out.iterdir()) == ["b.0001.exr", "b.0002.exr"]
    for number in (1, 2):
        [(_, written)] = stored(out / f"b.{number:04d}.exr")
        assert all(same(written[name], pixels) for name, pixels in channels(names, dtype, number).items())


@pytest.mark.filterwarnings("ignore:.*is written with ZIP")
@pytest.mark.parametrize(
    "compression",
    ["NO", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "B44A", "DWAA", "DWAB", "HTJ2K32", "HTJ2K256", "ZSTD"],
)
def test_compressions(tmp_path: Path, compression: str) -> None:
    """Lossy ones give the result another, which is said; its samples are what the library reads of the source."""
    smooth = np.linspace(-0.5, 3, SIZE[0] * SIZE[1], dtype=np.float32).reshape(SIZE[::-1])
    name = f"{compression}_COMPRESSION"
    if not hasattr(OpenEXR, name):
        pytest.skip("which this OpenEXR does not know")
    known = {"R": smooth, "G": smooth + 1, "B": smooth * 2, "Z": smooth * 9}
    write(tmp_path / "in" / "a.1.exr", part(known, compression=getattr(OpenEXR, name)))
    [(_, before)] = stored(tmp_path / "in" / "a.1.exr")
    out, notices = rewrite(tmp_path / "in")
    [(header, after)] = stored(out / "b.0001.exr")
    assert all(same(before[name], after[name]) for name in known)
    lossy = compression in ("PXR24", "B44", "B44A", "DWAA", "DWAB")
    assert header["compression"].name == ("ZIP_COMPRESSION" if lossy else name)
    assert [f"and not with the source's {compression}" in notice for notice in notices] == [True] * lossy


def test_what_else_the_file_holds_is_carried(tmp_path: Path) -> None:
    words: Header = {
        "framesPerSecond": Fraction(24000, 1001),
        "pixelAspectRatio": 2.0,
        "timeCode": OpenEXR.TimeCode(1, 2, 3, 4, *[0] * 14),
        "owner": "who made it",
        "worldToNDC": np.arange(16, dtype=np.float32).reshape(4, 4),
        "views": ["left", "right"],
        "number": 7,
    }
    beauty = channels("RGBA") | {"Z": every(np.float32, 9), "diffuse.R": every(np.float16, 10)}
    tiles: Header = {"type": OpenEXR.tiledimage, "tiles": OpenEXR.TileDescription()}
    tiles |= {name: words[name] for name in ("pixelAspectRatio", "timeCode")}  # which all parts share
    depth = {"Z": every(np.float32, 11), "id": np.arange(SIZE[0] * SIZE[1], dtype=np.uint32).reshape(SIZE[::-1])}
    write(tmp_path / "in" / "a.1001.exr", part(beauty, "beauty", **words), part(depth, "depth", **tiles))
    assert open_clip(tmp_path / "in").sample_aspect == 2

    def paint(views: list[NDArray[Any]]) -> None:
        views[2][3, 5] = 0.25

    out, notices = rewrite(tmp_path / "in", paint)
    assert notices == []
    beauty["R"][3, 5] = 0.25
    (first, painted), (second, kept) = stored(out / "b.1001.exr")
    assert painted.keys() == beauty.keys() and all(same(painted[name], beauty[name]) for name in beauty)
    assert kept.keys() == depth.keys() and all(same(kept[name], depth[name]) for name in depth)
    originals = stored(tmp_path / "in" / "a.1001.exr")
    for found, (expected, _) in zip((first, second), originals, strict=True):
        assert {name: str(value) for name, value in found.items()} == {k: str(v) for k, v in expected.items()}


@pytest.mark.parametrize(
    ("held", "shown"),
    [
        (window(-4, -6, 59, 41), window(0, 0, 49, 39)),
        (window(4, 6, 67, 53), window(0, 0, 79, 59)),
        (window(-10, 20, 53, 67), window(0, 0, 79, 59)),
        (window(100, 50, 163, 97), window(100, 50, 163, 97)),
        (window(200, 200, 263, 247), window(0, 0, 79, 59)),
    ],
    ids=["overscan", "crop", "both", "offset", "apart"],
)
def test_windows(tmp_path: Path, held: Any, shown: Any) -> None:
    """The picture is the display window; the data window grows only where something is put outside of it."""
    known = {"R": every(np.float16, 1), "G": every(np.float16, 2), "B": every(np.float16, 3)}
    extra = {"Z": every(np.float32, 4)}
    write(tmp_path / "in" / "a.1.exr", part(known | extra, dataWindow=held, displayWindow=shown))
    (left, top), (right, bottom) = shown
    whole = {}
    for name, pixels in (known | extra).items():
        plate = np.zeros((400, 400), pixels.dtype)  # from (-50, -50)
        plate[held[0][1] + 50 :, held[0][0] + 50 :][: SIZE[1], : SIZE[0]] = pixels
        whole[name] = plate
    inside = np.s_[top + 50 : bottom + 51, left + 50 : right + 51]
    views = picture(tmp_path / "in")
    assert all(same(view, whole[name][inside]) for view, name in zip(views, "GBR", strict=True))
    out, _ = rewrite(tmp_path / "in")
    [(header, kept)] = stored(out / "b.0001.exr")
    assert np.array_equal(header["dataWindow"], held) and all(
        same(kept[name], pixels) for name, pixels in known.items()
    )
    (tmp_path / "again").mkdir()
    (tmp_path / "in").rename(tmp_path / "again" / "in")

    def paint(views: list[NDArray[Any]]) -> None:
        for view in views:
            view[-1, -1] = 0.5

    out, _ = rewrite(tmp_path / "again" / "in", paint)
    for name in known:
        whole[name][bottom + 50, right + 50] = 0.5
    [(header, grown)] = stored(out / "b.0001.exr")
    low, high = header["dataWindow"]
    bounds = np.s_[low[1] + 50 : high[1] + 51, low[0] + 50 : high[0] + 51]
    assert all(same(grown[name], whole[name][bounds]) for name in whole)
    assert np.array_equal(header["displayWindow"], shown)


def test_channels_of_several_types_keep_them(tmp_path: Path) -> None:
    known = {"R": every(np.float32, 1), "G": np.linspace(0, 9, 3072).astype(np.float16).reshape(48, 64)}
    known |= {"B": every(np.float32, 2)}
    write(tmp_path / "in" / "a.1.exr", part(known))
    assert open_clip(tmp_path / "in").pix_fmt == "gbrpf32le"
    [(_, written)] = stored(rewrite(tmp_path / "in")[0] / "b.0001.exr")
    assert all(same(written[name], known[name]) for name in known)


def test_the_part_that_is_a_picture_is_found(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.1.exr", part({"Y": every(np.float32, 5)}, "depth"), part(channels(), "rgb"))
    assert same(picture(tmp_path / "in")[0], channels()["G"])


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        ({"Z": np.zeros((4, 4), np.float32)}, "has no channels named R, G, B, nor Y alone, but Z;"),
        ({name: np.zeros((4, 4), np.float16) for name in ("Y", "RY", "BY")}, "nor Y alone, but BY, RY, Y;"),
        ({f"beauty.{name}": np.zeros((4, 4), np.float16) for name in "RGB"}, "but beauty.B, beauty.G, beauty.R;"),
        ({name: np.zeros((4, 4), np.uint32) for name in "RGB"}, "is deep, or of whole numbers; render"),
    ],
)
def test_what_shows_no_picture_is_told(tmp_path: Path, channels: Channels, said: str) -> None:
    path = write(tmp_path / "in" / "a.1.exr", part(channels))
    with pytest.raises(VeraError, match=said) as caught:
        open_clip(tmp_path / "in")
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def by_hand(path: Path, chunks: list[bytes], sampling: tuple[int, ...] = (1, 1, 1), tiles: bytes = b"") -> None:
    """An EXR file that the library reads and does not write: 8 by 8 halves, not compressed."""
    channels = b"".join(
        struct.pack("<2siB3xii", name, 1, 0, step, step)
        for name, step in zip((b"B", b"G", b"R"), sampling, strict=True)
    )
    box = struct.pack("<4i", 0, 0, 7, 7)
    header = struct.pack("<2i", 20000630, 0x202 if tiles else 2)
    for name, kind, value in (
        ("channels", "chlist", channels + b"\0"),
        ("compression", "compression", b"\0"),
        ("dataWindow", "box2i", box),
        ("displayWindow", "box2i", box),
        ("lineOrder", "lineOrder", b"\0"),
        ("pixelAspectRatio", "float", struct.pack("<f", 1)),
        ("screenWindowCenter", "v2f", bytes(8)),
        ("screenWindowWidth", "float", struct.pack("<f", 1)),
        *([("tiles", "tiledesc", tiles)] if tiles else []),
    ):
        header += f"{name}\0{kind}\0".encode() + struct.pack("<i", len(value)) + value
    first = len(header) + 1 + 8 * len(chunks)
    places = [first + sum(map(len, chunks[:number])) for number in range(len(chunks))]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(header + b"\0" + struct.pack(f"<{len(chunks)}Q", *places) + b"".join(chunks))


@pytest.mark.parametrize("sampling", [(2, 1, 1), (2, 2, 2)])
def test_channels_of_fewer_samples_are_told(tmp_path: Path, sampling: tuple[int, ...]) -> None:
    lines = [bytes(2 * sum(8 // step for step in sampling if row % step == 0)) for row in range(8)]
    chunks = [struct.pack("<2i", row, len(line)) + line for row, line in enumerate(lines)]
    by_hand(tmp_path / "in" / "a.1.exr", chunks, sampling)
    with pytest.raises(VeraError, match=r"a\.1\.exr: has channels with fewer samples than pixels"):
        open_clip(tmp_path / "in")


@pytest.mark.filterwarnings("ignore:.*smaller copies")
def test_smaller_copies_of_tiled_pictures_are_left_out(tmp_path: Path) -> None:
    """The library writes the first level only, and into a file of several levels none that can be read again."""
    halves = [np.full((3, size, size), 1 / size, np.float16).tobytes() for size in (8, 4, 2, 1)]
    chunks = [struct.pack("<5i", 0, 0, level, level, len(data)) + data for level, data in enumerate(halves)]
    by_hand(tmp_path / "in" / "a.1.exr", chunks, tiles=struct.pack("<2IB", 8, 8, 1))
    out, notices = rewrite(tmp_path / "in")
    assert len(notices) == 1 and "is written without the source's smaller copies" in notices[0]
    [(header, written)] = stored(out / "b.0001.exr")
    assert header["tiles"].mode == OpenEXR.ONE_LEVEL
    assert all(same(written[name], np.full((8, 8), 1 / 8, np.float16)) for name in "RGB")


@pytest.mark.parametrize("number", sorted(PRIMARIES))
def test_chromaticities_become_tags(tmp_path: Path, number: int) -> None:
    named = tuple(float(value) for value in np.ravel((*PRIMARIES[number], (0.3127, 0.3290))))
    write(tmp_path / "in" / "a.1.exr", part(channels(), chromaticities=named))
    assert PRIMARIES[open_clip(tmp_path / "in").color.primaries] == PRIMARIES[number]


def test_unknown_chromaticities_say_nothing(tmp_path: Path) -> None:
    ap1 = (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767)
    write(tmp_path / "in" / "a.1.exr", part(channels(), chromaticities=ap1))
    assert open_clip(tmp_path / "in").color.primaries == 2


def test_damaged_chromaticities_say_nothing(tmp_path: Path) -> None:
    named = tuple(float(value) for value in np.ravel((*PRIMARIES[1], (0.3127, 0.3290))))
    path = write(tmp_path / "in" / "a.1.exr", part(channels(), chromaticities=named))
    data = path.read_bytes()
    assert data.count(b"chromaticities\0chromaticities\0") == 1
    path.write_bytes(data.replace(b"chromaticities\0chromaticities\0", b"chromaticities\0chromaticitiez\0"))
    assert open_clip(tmp_path / "in").color.primaries == 2


def test_a_rate_over_zero_is_damage(tmp_path: Path) -> None:
    path = write(tmp_path / "in" / "a.1.exr", part(channels(), framesPerSecond=Fraction(24)))
    rate = b"framesPerSecond\0rational\0" + struct.pack("<2i", 8, 24)
    data = path.read_bytes()
    assert data.count(rate) == 1
    path.write_bytes(data.replace(rate + struct.pack("<I", 1), rate + struct.pack("<I", 0)))
    with pytest.raises(VeraError, match="is damaged, none of its frames can be decoded"):
        open_clip(tmp_path / "in")


def test_linear_light_is_shown_as_srgb(tmp_path: Path) -> None:
    light = np.linspace(-0.5, 1.5, 64, dtype=np.float32)[None].repeat(48, 0)
    for dtype in (np.float16, np.float32):
        write(tmp_path / dtype.__name__ / "a.1.exr", part({name: light.astype(dtype) for name in "RGBA"}))
        with FrameReader(tmp_path / dtype.__name__) as reader:
            view = model_view(next(iter(reader)), *SIZE)
        expected = srgb_encode(light.astype(dtype).astype(np.float64)).clip(0, 1) * 255
        assert np.abs(view - expected[..., None]).max() < 0.52  # half a code, and half a half
    write(tmp_path / "grey" / "a.1.exr", part({"Y": light}))
    with FrameReader(tmp_path / "grey") as reader:
        assert np.array_equal(model_view(next(iter(reader)), *SIZE), view)


@pytest.mark.parametrize(
    ("damaged", "kept", "expected"), [(3, 0.5, (1, 2, 2, 4, 5)), (1, 0.5, (2, 2, 3, 4, 5)), (1, 0.01, (2, 2, 3, 4, 5))]
)
def test_damage(tmp_path: Path, damaged: int, kept: float, expected: tuple[int, ...]) -> None:
    """The frame before stands in, or that after the first, and what its file holds besides goes with it."""
    for number in range(1, 6):
        write(tmp_path / "in" / f"a.{number}.exr", part(channels(seed=number) | {"Z": every(np.float32, number)}))
    path = tmp_path / "in" / f"a.{damaged}.exr"
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.warns(DamageWarning, match=rf"1 of its 5 frames is damaged, at {(damaged - 1) / 24:.3f} s"):
        out, _ = rewrite(tmp_path / "in")
    for number, seed in enumerate(expected, 1):
        [(_, written)] = stored(out / f"b.{number:04d}.exr")
        assert same(written["G"], channels(seed=seed)["G"]) and same(written["Z"], every(np.float32, seed))


def test_without_the_library_a_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "in" / "a.1.exr", part(channels()))
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(VeraError, match=r"an EXR sequence needs OpenEXR: pip install OpenEXR, or .*layers\[export\]"):
        open_clip(tmp_path / "in")


def test_where_floats_cannot_go(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.1.exr", part(channels()))
    info = open_clip(tmp_path / "in")
    for name in ("out.mkv", "out.mov", "new/a.####.png", "new/a.####.tiff"):
        with pytest.raises(VeraError, match=r"can't hold .*gbrpf16le; write an EXR sequence, as new/shot\.####\.exr"):
            FrameWriter(tmp_path / name, info)
    clip = tmp_path / "clip.mkv"
    ffmpeg("-f", "lavfi", "-i", "color=size=64x48:duration=0.1", "-c:v", "ffv1", clip)
    with pytest.raises(VeraError, match="codec exr can't hold 64x48 yuv420p"):
        FrameWriter(tmp_path / "new" / "a.####.exr", open_clip(clip))


def test_floats_of_other_files_are_refused(tmp_path: Path) -> None:
    clip = tmp_path / "a.mkv"
    made = ("-f", "lavfi", "-i", "color=size=64x48:duration=0.1", "-pix_fmt", "gbrpf32le")
    ffmpeg(*made, "-c:v", "ffv1", "-level", "4", "-strict", "experimental", clip, silent=False)
    with pytest.raises(VeraError, match="floating-point samples, which only EXR sequences may"):
        open_clip(clip)


def test_a_failed_write_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.1.exr", part(channels()))
    out = tmp_path / "out"
    with (
        pytest.raises(VeraError, match=r"b\.0001\.exr: cannot be written"),
        FrameReader(tmp_path / "in") as reader,
        FrameWriter(out / "b.####.exr", open_clip(tmp_path / "in")) as writer,
    ):
        writer.partial.rmdir()
        writer.write(next(iter(reader)))
    assert [path.name for path in tmp_path.iterdir()] == ["in"]

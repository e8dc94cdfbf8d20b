"""Masks of any storage: white is white, and one without white is told."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from tests.clips import make_clip
from tests.executable import ffmpeg
from tests.masks import read_mask, write_interlaced

from vera.errors import VeraError
from vera.layers.masks import check_mask, check_white, is_still, mask_files, mask_frames, mask_pictures
from vera.video import open_clip

pytestmark = pytest.mark.faults

SHAPE = np.add.outer(np.arange(48), np.arange(64)) % 23 < 9


def stored(mode: str, white: int = 255) -> Image.Image:
    grey = Image.fromarray((SHAPE * white).astype(np.uint8))
    if mode == "I;16":
        return Image.fromarray((SHAPE * 65535).astype(np.uint16))
    if mode == "labels":
        image = Image.fromarray(SHAPE.astype(np.uint8), "P")
        image.putpalette([0, 0, 0, 255, 255, 255])
        return image
    return grey.convert(mode)


def save(path: Path, picture: Image.Image) -> None:
    """As a still, or three times in the folder `frames`, however it is named."""
    folder = path if path.suffix == "" else path.parent
    if folder.name != "frames":
        picture.save(path)
        return
    folder.mkdir()
    for index in range(3):
        picture.save(folder / f"m.{index:04d}.png")


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16", "LA", "RGB", "RGBA", "labels"])
@pytest.mark.parametrize("name", ["m.png", "m.tif", "mask #1.png", "frames", "frames/m.####.png", "frames/m.%04d.png"])
def test_masks_of_any_storage(tmp_path: Path, mode: str, name: str) -> None:
    save(tmp_path / name, stored(mode))
    source = open_clip(make_clip(tmp_path / "a.mp4", 3))
    check_mask(tmp_path / name, source)
    np.testing.assert_array_equal(read_mask(tmp_path / name, 3, 64, 48), [SHAPE] * 3)


def labels(value: int, kind: type) -> Image.Image:
    return Image.fromarray((SHAPE * value).astype(kind))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", ["m.png", "m.tif", "frames"])
def test_labels_0_and_1_are_black_and_white(tmp_path: Path, name: str, kind: type) -> None:
    save(tmp_path / name, labels(1, kind))
    check_white(tmp_path / name, (64, 48), 3)
    np.testing.assert_array_equal(read_mask(tmp_path / name, 3, 64, 48), [SHAPE] * 3)
    half = read_mask(tmp_path / name, 1, 32, 24)[0]
    assert abs(half.mean() - SHAPE.mean()) < 0.1


@pytest.mark.parametrize(("value", "kind", "top"), [(3, np.uint8, 255), (3, np.uint16, 65535), (200, np.uint16, 65535)])
@pytest.mark.parametrize("name", ["m.png", "frames"])
def test_other_labels_are_refused(tmp_path: Path, name: str, value: int, kind: type, top: int) -> None:
    save(tmp_path / name, labels(value, kind))
    with pytest.raises(
        VeraError, match=rf"is white \(the brightest is {value} of {top}\); paint .* label as {top} and"
    ):
        check_white(tmp_path / name, (64, 48), 3)
    assert not read_mask(tmp_path / name, 3, 64, 48).any()


def test_a_shape_in_alpha_alone_is_told(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    white = Image.new("RGBA", (64, 48), "white")
    white.save(tmp_path / "opaque.png")
    check_white(tmp_path / "opaque.png", (64, 48), 3)
    assert not recwarn.list
    white.putalpha(stored("L"))
    white.save(tmp_path / "m.png")
    with pytest.warns(UserWarning, match="is white all over, and the shape in its alpha is not read"):
        check_white(tmp_path / "m.png", (64, 48), 3)


# A folder, a pattern, or a file by its suffix: each of one picture.
ALONE = ["png", "jpg", "bmp", "tga", "gif", "jp2", "ppm", "dpx", "exr", "mkv", "mask", "folder", "pattern"]


@pytest.mark.parametrize("kind", ALONE)
def test_one_picture_of_any_kind_is_the_mask_of_all_frames(tmp_path: Path, kind: str) -> None:
    stored("RGB").save(tmp_path / "a.png")
    path = made = tmp_path / f"m.{kind}"
    if kind in ("folder", "pattern"):
        (tmp_path / "one").mkdir()
        made = (tmp_path / "a.png").rename(tmp_path / "one" / "m.0007.png")
        path = tmp_path / "one" / ("" if kind == "folder" else "m.####.png")
    elif kind == "mask":  # what it is, its content tells
        (tmp_path / "a.png").rename(path)
    elif kind in ("dpx", "exr", "mkv"):
        options = ("-c:v", "ffv1", "-pix_fmt", "bgr0") if kind == "mkv" else ("-update", 1)
        ffmpeg("-i", tmp_path / "a.png", *options, path)
    else:
        stored("RGB").save(path, **({"quality": 100} if kind == "jpg" else {}))
    source = open_clip(make_clip(tmp_path / "a.mp4", 3))
    check_mask(path, source)
    check_white(path, (64, 48), 3)
    assert is_still(path) and mask_files(path) == (made,)
    np.testing.assert_array_equal(read_mask(path, 3, 64, 48), [SHAPE] * 3)


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_a_still_is_turned_as_its_exif_says(tmp_path: Path, suffix: str, turned: int) -> None:
    shape = np.zeros((48, 64), np.uint8)
    shape[:16, :32] = shape[16:32, :16] = 255  # other in each of the eight orientations
    upright = Image.fromarray(shape)
    exif = Image.Exif()
    exif[0x0112] = turned
    stored = upright.transpose(Image.Transpose.TRANSPOSE) if turned > 4 else upright
    path = tmp_path / f"m.{suffix}"
    stored.convert("RGB").save(path, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    with Image.open(path) as saved:
        shown = np.asarray(ImageOps.exif_transpose(saved).convert("L")) >= 128
    check_mask(path, open_clip(make_clip(tmp_path / "a.mp4", 3)))
    np.testing.assert_array_equal(read_mask(path, 2, 64, 48), [shown] * 2)


@pytest.mark.parametrize("option", ["deinterlace", "progressive"])
def test_an_interlaced_mask_is_read_as_the_source_is(tmp_path: Path, option: str) -> None:
    path = write_interlaced(tmp_path / "m.mkv", SHAPE, 3)
    clip = make_clip(tmp_path / "a.mp4", 3)
    with pytest.raises(VeraError, match=r"interlaced .* --deinterlace, or --progressive"):
        check_mask(path, open_clip(clip))
    source = open_clip(clip, deinterlace=option == "deinterlace", progressive=option == "progressive")
    check_mask(path, source)
    check_white(path, (64, 48), 3, source=source)
    masks = np.stack(list(mask_frames(path, 64, 48, source)))
    assert masks.shape == (3, 48, 64) and len(list(mask_pictures(path, 64, 48, source))) == 3
    assert (masks == SHAPE).mean() > (0.99 if option == "progressive" else 0.8)


def test_a_mask_without_white_is_told(tmp_path: Path) -> None:
    save(tmp_path / "m.png", stored("L", 0))
    save(tmp_path / "m.jpg", stored("L", 20))
    for name in ("m.png", "m.jpg"):
        with pytest.warns(UserWarning, match="nothing in it is white .* nothing is preserved"):
            check_white(tmp_path / name, (64, 48), 3)


def test_white_is_looked_for_no_further_than_needed(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    save(tmp_path / "frames", stored("L", 0))
    stored("L").save(tmp_path / "frames" / "m.0001.png")
    (tmp_path / "frames" / "m.0002.png").write_bytes(b"no picture")
    check_white(tmp_path / "frames" / "m.####.png", (64, 48), 3)
    assert not recwarn.list
    with pytest.warns(UserWarning, match="nothing in it is white"):
        check_white(tmp_path / "frames" / "m.####.png", (64, 48), 1)


@pytest.mark.parametrize("name", ["m.pgm", "m.mkv", "m.avi", "named.jpg"])
def test_labels_are_known_by_what_a_file_holds(tmp_path: Path, name: str) -> None:
    labels(1, np.uint8).save(tmp_path / "a.png")
    if name == "named.jpg":
        (tmp_path / "a.png").rename(tmp_path / name)
    elif name == "m.pgm":
        labels(1, np.uint8).save(tmp_path / name)
    else:
        options = ("-c:v", "ffv1") if name == "m.mkv" else ("-c:v", "rawvideo")
        ffmpeg("-loop", 1, "-i", tmp_path / "a.png", "-frames:v", 3, *options, "-pix_fmt", "gray", tmp_path / name)
    check_white(tmp_path / name, (64, 48), 3)
    np.testing.assert_array_equal(read_mask(tmp_path / name, 3, 64, 48), [SHAPE] * 3)


def test_a_dark_picture_before_a_white_one_is_not_taken_for_labels_of_all(tmp_path: Path) -> None:
    save(tmp_path / "frames", stored("L", 1))
    grey = np.where(SHAPE, 255, 1).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "frames" / "m.0001.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "frames", 2, 64, 48)[1], SHAPE)


@pytest.mark.parametrize("name", ["m.png", "m.webp", "m.tif"])
def test_a_cutout_is_told_of_as_no_mask(tmp_path: Path, name: str) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    cutout = Image.fromarray(np.dstack([photo, (SHAPE * 255).astype(np.uint8)]))
    cutout.save(tmp_path / name, **({"lossless": True} if name == "m.webp" else {}))
    with pytest.warns(UserWarning, match="is not white where it is opaque, and the shape in its alpha is not read"):
        check_white(tmp_path / name, (64, 48), 3)


@pytest.mark.parametrize("name", ["m.png", "m.webp", "m.exr"])
def test_a_shape_in_the_alpha_of_black_is_told(tmp_path: Path, name: str) -> None:
    """As a roto is rendered."""
    black = np.zeros((48, 64), np.uint8)
    Image.fromarray(np.dstack([black, black, black, (SHAPE * 255).astype(np.uint8)])).save(tmp_path / "a.png")
    if name != "m.png":
        options = ("-lossless", 1) if name == "m.webp" else ("-pix_fmt", "gbrapf32le")
        ffmpeg("-i", tmp_path / "a.png", *options, "-update", 1, tmp_path / name, silent=False)
    else:
        (tmp_path / "a.png").rename(tmp_path / name)
    with pytest.warns(
        UserWarning, match="nothing in it is white .*, and the shape in its alpha is not read, nothing is"
    ):
        check_white(tmp_path / name, (64, 48), 3)


def test_a_mask_whose_alpha_says_the_same_is_told_nothing_of(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    grey = (SHAPE * 255).astype(np.uint8)
    Image.fromarray(np.dstack([grey] * 4)).save(tmp_path / "m.png")
    check_white(tmp_path / "m.png", (64, 48), 3)
    assert not recwarn.list


@pytest.mark.parametrize("name", ["m.avif", "m.heic", "m.svg", "m.tif"])
def test_a_picture_that_is_not_read_is_refused_as_such(tmp_path: Path, name: str) -> None:
    if name == "m.svg":
        (tmp_path / name).write_text('<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"/>')
    elif name == "m.tif":
        Image.fromarray(SHAPE.astype(np.float32)).save(tmp_path / name)
    else:
        stored("RGB").save(tmp_path / name, format="AVIF")
    with pytest.raises(VeraError, match=r"^mask .*: is (not a picture that|a picture of a kind that) .* to PNG$"):
        check_mask(tmp_path / name, open_clip(make_clip(tmp_path / "a.mp4", 3)))


def test_a_mask_that_is_stored_from_below_is_read(tmp_path: Path) -> None:
    rows = SHAPE[::-1].astype("<f4").tobytes()
    (tmp_path / "m.pfm").write_bytes(b"Pf\n64 48\n-1.0\n" + rows)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.pfm", 1, 64, 48), [SHAPE])


def test_white_is_looked_for_where_it_counts(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    save(tmp_path / "frames", stored("L", 0))
    stored("L").save(tmp_path / "frames" / "m.0000.png")
    with pytest.warns(UserWarning, match="nothing in it is white"):
        check_white(tmp_path / "frames", (64, 48), 3, first=1)
    recwarn.clear()
    stored("L").save(tmp_path / "still.png")
    check_white(tmp_path / "still.png", (64, 48), 3, first=1)
    assert not recwarn.list

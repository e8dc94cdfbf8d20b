"""TIFF pictures of JPEG, which FFmpeg shows as noise, are refused, as footage and as masks; what alpha is, is told."""

import struct
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vera.errors import VeraError
from vera.video import FrameWriter, open_clip
from vera.video.open import open_picture

pytestmark = pytest.mark.faults

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8))


@pytest.mark.parametrize("mode", ["RGB", "L", "YCbCr"])
def test_jpeg_is_refused(tmp_path: Path, mode: str) -> None:
    for number in range(2):
        PICTURE.save(tmp_path / f"a.{number}.tif")
    PICTURE.convert(mode).save(tmp_path / "a.1.tif", compression="jpeg")
    for read in (open_clip, lambda folder: open_picture(folder / "a.1.tif")):
        with pytest.raises(VeraError, match=r"a\.1\.tif: is a TIFF with JPEG compression"):
            read(tmp_path)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_others_pass(tmp_path: Path, compression: str) -> None:
    for number in range(2):
        PICTURE.save(tmp_path / f"a.{number}.tif", compression=compression)
    assert open_clip(tmp_path).frame_count == 2


@pytest.mark.parametrize("extra", [0, 1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
def test_alpha_that_is_marked_otherwise_is_told(tmp_path: Path, extra: int, order: str) -> None:
    """The encoder marks alpha as straight (2): samples stay, but programs show them otherwise."""
    folder = tmp_path / "in"
    folder.mkdir()
    rgba = np.full((48, 64, 4), 100, np.uint8)
    entries = [(256, 4, 1, 64), (257, 4, 1, 48), (258, 3, 4, 8), (262, 3, 1, 2), (273, 4, 1, 256), (277, 3, 1, 4)]
    entries += [(278, 4, 1, 48), (279, 4, 1, rgba.nbytes), (338, 3, 1, extra)]
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, len(entries))
    for tag, kind, count, value in entries:
        if tag == 258:  # four numbers, which stand behind
            head += struct.pack(f"{order}HHII", tag, kind, count, 200)
        else:
            head += struct.pack(f"{order}HHI", tag, kind, count)
            head += struct.pack(f"{order}HH" if kind == 3 else f"{order}I", *((value, 0) if kind == 3 else (value,)))
    data = head.ljust(200, b"\0") + struct.pack(f"{order}4H", 8, 8, 8, 8)
    for number in range(2):
        (folder / f"a.{number}.tif").write_bytes(data.ljust(256, b"\0") + rgba.tobytes())
    clip = open_clip(folder)
    assert clip.pix_fmt == "rgba"
    told = pytest.warns(UserWarning, match="marked as premultiplied") if extra == 1 else nullcontext()
    with told, clip.frames() as reader, FrameWriter(tmp_path / "out" / "a.####.tif", clip) as writer:
        for frame in reader:
            writer.write(frame)
    assert bool(writer.notices) == (extra == 1)
    with Image.open(tmp_path / "out" / "a.0000.tif") as written:
        assert written.tag_v2[338] == (2,)

"""What the process beside the server does: opens footage, draws frames and reads samples, and keeps what it opened."""

import io
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vera.errors import VeraError
from vera.jobs.kinds.inputs import Source, open_source
from vera.studio.schema.projects import View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vera.color.transform import ColorTransform
    from vera.layers.composite import Placed
    from vera.video import Clip, FrameSeeker

JPEG_QUALITY = 90
TABLE = 33  # a side of the viewer's table: that of most LUTs for cameras


def open_footage(path: Path, rate: Fraction | None = None) -> "Clip":
    """Open footage; what is interlaced is made progressive. Raises VeraError as `open_clip`."""
    from vera.video import open_clip

    try:
        return open_clip(path, rate=rate)
    except VeraError as error:
        try:
            clip = open_clip(path, deinterlace=True, rate=rate)
        except VeraError:
            raise error from None
        if not clip.interlaced:
            raise error from None
        return clip


def draw_picture(
    source: Source, layers: Path, number: int, view: View, format: str, lut: Path | None = None, ocio: str | None = None
) -> bytes:
    """Draw a frame with the layers of a project file, or of one layer folder, as PNG, exact, or JPEG.

    `lut` or `ocio` show the clip in BT.709, as `display_transform` takes them.
    """
    from vera.layers.render import render_frame

    frames = _frames(source)
    placed = _bare(source) if view == "source" else _placed(source, layers)
    shown = _shown(source, lut, ocio) if lut or ocio else None
    return _encoded(render_frame(placed, frames, number, view, shown), format)


def check_shown(source: Source, lut: Path | None, ocio: str | None) -> None:
    """VeraError for a LUT or a colour space that cannot show a clip in BT.709."""
    _shown(source, lut, ocio)


def check_lut(path: Path) -> None:
    """VeraError for what is no .cube file, or cannot be undone."""
    from vera.color.lut import check_inverse, read_cube

    check_inverse(read_cube(path), path)


def describe_layers(folder: Path) -> dict[str, Any]:
    """Say how a layer folder came about: `instruction`, `seed`, `model`, and the name of its `source`.

    VeraError for what is no layer folder.
    """
    from vera.layers import load_layers

    said = load_layers(folder).metadata
    seed, model, source = (said.get(name) for name in ("seed", "model", "source"))
    return {
        "instruction": _text(said.get("instruction")),
        "seed": seed if type(seed) is int and 0 <= seed < 2**53 else None,
        "model": _text(model.get("name") if isinstance(model, dict) else model) or None,
        "source": source.get("name") if isinstance(source, dict) else None,
    }


def _text(value: object) -> str:
    return value[:2000] if isinstance(value, str) else ""


def color_spaces() -> list[str]:
    """Name the colour spaces of OpenColorIO's config."""
    from vera.color.transform import color_spaces as spaces

    return spaces()


def draw_table(source: Source, lut: Path | None, ocio: str | None) -> bytes:
    """Draw what shows a clip as a PNG: R'G'B' of its proxy to R'G'B' of BT.709, in a cube of side `TABLE`.

    Blue runs down, by squares of green (down) and red (right): `[TABLE * TABLE, TABLE, 3]`. Of HDR the proxy is in
    BT.709 already, and goes back to the clip's own colours first.
    """
    import numpy as np

    from vera.color.transform import color_transform

    grid = np.linspace(0, 1, TABLE)
    blue, green, red = np.meshgrid(grid, grid, grid, indexing="ij")
    colors = np.stack((red, green, blue), axis=-1)
    own = color_transform(_frames(source).clip.color)
    shown = _shown(source, lut, ocio).to_view(colors if own is None else own.to_source(colors))
    return _encoded(np.rint(shown.clip(0, 1) * 255).astype(np.uint8).reshape(TABLE * TABLE, TABLE, 3), "png")


def read_samples(source: Source, project: Path, number: int, x: int, y: int) -> dict[str, Any]:
    """Read code values at an upright pixel: the fields of `vera.studio.schema.projects.Samples`."""
    import numpy as np

    from vera.layers.render import pixel_values

    found = pixel_values(_placed(source, project), _frames(source), number, x, y)
    largest = 1e38  # JSON has no infinity
    return {
        "x": x,
        "y": y,
        "names": list(found.names),
        "source": np.nan_to_num(found.source, posinf=largest, neginf=-largest).tolist(),
        "result": np.nan_to_num(found.result, posinf=largest, neginf=-largest).tolist(),
        "edit": None if found.edit is None else list(found.edit),
        "alpha": found.alpha,
    }


def draw_still(path: Path, number: int) -> bytes:
    """Draw a frame of a proxy of alpha as a grey PNG: its luma, code for code. Raises VeraError if there is none."""
    from vera.video import planes

    frames = _matte(path, path.stat().st_mtime_ns)
    if number >= len(frames):
        raise VeraError(f"layer frame {number}: there are {len(frames)}")
    return _encoded(planes(frames[number])[0], "png")


def _encoded(picture: "NDArray[np.uint8]", format: str) -> bytes:
    from PIL import Image

    data = io.BytesIO()
    options: dict[str, Any] = {"compress_level": 1} if format == "png" else {"quality": JPEG_QUALITY, "subsampling": 0}
    Image.fromarray(picture).save(data, format.upper(), **options)
    return data.getvalue()


def _frames(source: Source) -> "FrameSeeker":
    from vera.video.open import check_unchanged

    if not source.path.exists():
        raise VeraError(f"{source.path.name}: is no longer where it was; put it back, or open it anew")
    check_unchanged(source.path, source.state)  # type: ignore[arg-type]
    return _seeker(source)


@lru_cache(maxsize=1)
def _seeker(source: Source) -> "FrameSeeker":
    from vera.video import FrameSeeker

    return FrameSeeker(open_source(source))


@lru_cache(maxsize=2)
def _matte(path: Path, changed: int) -> "FrameSeeker":
    from vera.video import FrameSeeker, open_clip

    return FrameSeeker(open_clip(path), memory=32 << 20)


def _placed(source: Source, layers: Path) -> "Placed":
    return _placed_as(source, layers, layers.stat().st_mtime_ns)


def _bare(source: Source) -> "Placed":
    from vera.layers import Stack
    from vera.layers.composite import place

    return place(Stack(()), _frames(source).clip)


@lru_cache(maxsize=4)
def _shown(source: Source, lut: Path | None, ocio: str | None) -> "ColorTransform":
    """A LUT or a colour space on a clip: LUTs of projects are never written to again."""
    from vera.video.display import display_transform

    shown = display_transform(_frames(source).clip, lut, ocio)
    assert shown is not None  # one of the two is named
    return shown


@lru_cache(maxsize=2)
def _placed_as(source: Source, layers: Path, changed: int) -> "Placed":
    """Layers on their clip. Takes were made for this clip: their times are compared, not the hash of the file."""
    from vera.layers import open_stack
    from vera.layers.composite import place

    return place(open_stack([layers]), _frames(source).clip, force=True)

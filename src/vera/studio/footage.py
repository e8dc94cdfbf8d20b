"""What the process beside the server does: opens footage, draws frames and reads samples, and keeps what it opened."""

import io
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vera.errors import VeraError
from vera.jobs.kinds.inputs import Source, open_source
from vera.studio.schema.projects import View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vera.layers.composite import Placed
    from vera.video import Clip, FrameSeeker

JPEG_QUALITY = 90


def open_footage(path: Path) -> "Clip":
    """Open footage; what is interlaced is made progressive. Raises VeraError as `open_clip`."""
    from vera.video import open_clip

    try:
        return open_clip(path)
    except VeraError as error:
        try:
            clip = open_clip(path, deinterlace=True)
        except VeraError:
            raise error from None
        if not clip.interlaced:
            raise error from None
        return clip


def draw_picture(source: Source, project: Path, number: int, view: View, format: str) -> bytes:
    """Draw a frame of a project as PNG, exact, or JPEG."""
    from vera.layers.render import render_frame

    frames = _frames(source)
    placed = _bare(source) if view == "source" else _placed(source, project)
    return _encoded(render_frame(placed, frames, number, view), format)


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


def _placed(source: Source, project: Path) -> "Placed":
    return _placed_as(source, project, project.stat().st_mtime_ns)


def _bare(source: Source) -> "Placed":
    from vera.layers import Stack
    from vera.layers.composite import place

    return place(Stack(()), _frames(source).clip)


@lru_cache(maxsize=2)
def _placed_as(source: Source, project: Path, changed: int) -> "Placed":
    """A project on its clip. Its takes were made for this clip: their times are compared, not the hash of the file."""
    from vera.layers import open_stack
    from vera.layers.composite import place

    return place(open_stack([project]), _frames(source).clip, force=True)

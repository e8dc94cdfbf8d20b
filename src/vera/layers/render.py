"""One frame of a clip with its layers: what `write_composite` writes for it, pictures of it, and its code values."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import av
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.color.transform import ColorTransform, color_transform
from vera.errors import VeraError
from vera.layers.composite import Placed
from vera.layers.layer_frame import LayerFrame, to_codes, to_float
from vera.video import Clip
from vera.video.components import INTERLEAVED, components
from vera.video.formats import is_float
from vera.video.seeking import FrameSeeker
from vera.video.view import source_view

View = Literal["source", "edit", "alpha", "result", "difference"]
GAIN = 8  # of differences, as in the contact sheet


@dataclass(frozen=True)
class PixelValues:
    """Code values at an upright pixel, one for each of the `names`; `edit` R'G'B' in [0,1], None without a layer."""

    names: tuple[str, ...]
    source: tuple[float, ...]
    result: tuple[float, ...]
    edit: tuple[float, float, float] | None
    alpha: float


def render_frame(
    placed: Placed,
    frames: FrameSeeker,
    number: int,
    view: View = "result",
    transform: ColorTransform | None = None,
) -> NDArray[np.uint8]:
    """Draw frame `number` of a clip as R'G'B' `[H,W,3]` uint8, upright, at full size; "alpha" is grey.

    "result" is the picture of the frame that `write_composite` writes, and "source" that of the clip's own. All are
    shown in BT.709 by `transform`, or by the clip's tags if None. "edit" is the layers over one another, without the
    source, their own colours where none covers. "difference" is that of result and source, eight times. Raises
    IndexError for a frame that there is not.
    """
    if view not in get_args(View):
        raise VeraError(f"no view is named {view!r}; choose from {', '.join(get_args(View))}")
    source, clip = frames[number], placed.clip
    transform = transform or color_transform(clip.color)
    if view == "source":
        return _shown(source, clip, transform)
    if view in ("edit", "alpha"):
        layer = flatten(placed, source)
        if view == "alpha":
            return np.repeat(np.rint(to_float(layer.alpha) * 255).astype(np.uint8)[..., None], 3, axis=-1)
        return show_colors(layer.edit, transform)
    result = _shown(placed.lay(source), clip, transform)
    if view == "result":
        return result
    change = np.abs(result.astype(np.int16) - _shown(source, clip, transform)) * GAIN
    return np.asarray(change.clip(0, 255), np.uint8)


def show_colors(colors: NDArray[Any], transform: ColorTransform | None) -> NDArray[np.uint8]:
    """Show a layer's colours `[H,W,3]`, codes or float32 in [0,1] of the clip's own kind, in BT.709: uint8."""
    if transform is None:
        return np.ascontiguousarray(to_codes(to_float(colors), np.uint8))
    return np.asarray(np.rint(transform.to_view(to_float(colors).astype(np.float64)).clip(0, 1) * 255), np.uint8)


def flatten(placed: Placed, source: av.VideoFrame) -> LayerFrame:
    """Lay all edits on a frame over one another, upright and at full size, without the source: float32.

    Blend modes, which need what is below, are left out. Where nothing covers, colours are the highest layer's; black
    and 0 where there is none.
    """
    clip = placed.clip
    width, height = clip.display_size
    colors, alpha = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    for edit, index in placed.on(source):
        coded = edit.coded_frame(index, clip, source)
        layer = LayerFrame(*(to_float(clip.orientation.upright(part)) for part in coded))
        colors, alpha = _over(layer, colors, alpha)
    return LayerFrame(colors, alpha)


def pixel_values(placed: Placed, frames: FrameSeeker, number: int, x: int, y: int) -> PixelValues:
    """Read the code values of source and result at a pixel of the upright picture, and the layers there.

    Subsampled components are those that the pixel shares. Raises VeraError for a pixel that there is not.
    """
    clip = placed.clip
    width, height = clip.display_size
    if not (0 <= x < width and 0 <= y < height):
        raise VeraError(f"there is no pixel {x}, {y}: the picture is {width}x{height}")
    source = frames[number]
    place = _coded_place(clip, x, y)
    layer = flatten(placed, source)
    red, green, blue = (float(part) for part in layer.edit[y, x])
    return PixelValues(
        _names(source),
        _at(source, place),
        _at(placed.lay(source), place),
        (red, green, blue) if placed.on(source) else None,
        float(layer.alpha[y, x]),
    )


def _shown(frame: av.VideoFrame, clip: Clip, transform: ColorTransform | None) -> NDArray[np.uint8]:
    return source_view(frame, *clip.display_size, clip.orientation, transform)


def _over(layer: LayerFrame, colors: Float, alpha: Float) -> tuple[Float, Float]:
    above, below = layer.alpha[..., None], alpha[..., None]
    whole = above + below * (1 - above)
    mixed = (layer.edit * above + colors * below * (1 - above)) / np.maximum(whole, np.float32(1e-6))
    return np.where(whole > 0, mixed, layer.edit), whole[..., 0]


def _coded_place(clip: Clip, x: int, y: int) -> tuple[int, int]:
    """Row and column of the stored picture that the upright pixel is of."""
    marked = np.zeros(clip.display_size[::-1], np.bool_)
    marked[y, x] = True
    row, column = np.argwhere(clip.orientation.stored(marked))[0]
    return int(row), int(column)


def _at(frame: av.VideoFrame, place: tuple[int, int]) -> tuple[float, ...]:
    row, column = place
    shift, form = INTERLEAVED.get(frame.format.name, 0), frame.format
    down, right = 64 // form.chroma_height(64), 64 // form.chroma_width(64)
    values = []
    for plane in components(frame):
        whole = plane.shape == (frame.height, frame.width)
        value = plane[row, column] if whole else plane[row // down, column // right]
        values.append((value >> shift if shift else value).item())
    return tuple(values)


def _names(frame: av.VideoFrame) -> tuple[str, ...]:
    form: Any = frame.format
    count = len(form.components)
    if count < 3:
        return ("Y", "A")[:count]
    color = ("R", "G", "B") if form.is_rgb or is_float(form.name) else ("Y", "Cb", "Cr")
    return (*color, "A")[:count]

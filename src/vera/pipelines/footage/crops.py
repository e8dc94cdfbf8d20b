"""What of a frame a model is shown, and how the layers that it draws come back into the frame.

The canvas is the whole upright frame at the finest scale at which a model sees any of it. Layers have its size, so that
whatever comes after need not know of crops. A crop is a window of whole pixels of the canvas.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.errors import VeraError
from vera.layers.layer_frame import LayerFrame
from vera.layers.refine.clip import Span
from vera.layers.refine.floor import refine_layer
from vera.pipelines.footage.region import Region
from vera.pipelines.sampling.sizes import check_size, model_size
from vera.video import Clip

CONTEXT = 0.25  # of a region's size, shown beyond each side: room to fade in (benchmarks/region.py context and seam)
FADE = CONTEXT / (1 + 2 * CONTEXT)  # of a crop's side: what reaches its border fades over the context
SHOWS = 0.1  # of alpha at a crop's border; fainter haze fades unseen
PARTS = 112  # tiles of the up-sampling end where canvas and frame have a pixel edge in common: at least so many a side
FEWEST = 40  # parts; a side that cannot be cut into so many gets any canvas
SAME = 1.05  # of the finest scale: so near to it a crop is not resized, it shows a little more or less


@dataclass(frozen=True)
class Crop:
    """A window of the canvas that a model works on at `model` (width, height); it may move, and keeps its size.

    Args:
        size: width and height in pixels of the canvas; those of `model`, except where another region is finer.
        corners: left and top: of all frames, or of each edited frame.
        asked: the region that it is for.
    """

    model: tuple[int, int]
    size: tuple[int, int]
    corners: tuple[tuple[int, int], ...]
    asked: str = ""

    def box(self, index: int) -> tuple[slice, slice]:
        """Rows and columns of the canvas in edited frame `index`."""
        x, y = self.corners[index % len(self.corners)]
        return slice(y, y + self.size[1]), slice(x, x + self.size[0])

    def cut(self, picture: NDArray[Any], index: int) -> NDArray[Any]:
        """Show what of a canvas `[H,W,...]` the model sees in frame `index`: a view where no size changes."""
        part = picture[self.box(index)]
        if self.size == self.model:
            return part
        codes = part.view(np.uint8) if part.dtype == bool else part
        shrinks = self.model[0] < self.size[0] and self.model[1] < self.size[1]
        found = cv2.resize(codes, self.model, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        return np.asarray(found, part.dtype)


@dataclass(frozen=True)
class CropPlan:
    """The canvas (width, height), and the crops of it in the order in which their layers are laid.

    `touched` is filled while layers are laid: of each crop, the frames in which something was drawn up to its border.
    """

    canvas: tuple[int, int]
    crops: tuple[Crop, ...]
    touched: dict[int, int] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether the model sees the canvas itself, as it does where no region was asked for."""
        return len(self.crops) == 1 and self.crops[0].model == self.crops[0].size == self.canvas

    def record(self) -> dict[str, Any]:
        """Say in JSON values which parts of the canvas the model saw; nothing where it saw all."""
        if not any(crop.asked for crop in self.crops):
            return {}
        crops = [
            {"model": list(crop.model), "size": list(crop.size), "corners": [list(corner) for corner in crop.corners]}
            for crop in self.crops
        ]
        return {"region": [crop.asked for crop in self.crops], "crops": crops}

    def notices(self) -> list[str]:
        """Say of which regions something was drawn up to the border, after the last frame."""
        return [
            f"region {self.crops[number].asked}: what was drawn reached the border of the crop in {count} frames and "
            "fades there; give a larger region"
            for number, count in sorted(self.touched.items())
        ]


def plan_crops(
    clip: Clip, regions: Sequence[Region], strides: tuple[int, int], pixels: int, size: tuple[int, int] | None = None
) -> CropPlan:
    """Plan what a model of `strides` (width, height), trained at `pixels`, sees of a clip: all of it without regions.

    A region is shown with `CONTEXT` on every side, or more where the model's shape asks for it or the footage has no
    more pixels to show; `size` is that of a crop. VeraError for a size that the model cannot work at and a region that
    is smaller than its strides.
    """
    if size is not None:
        check_size(size, strides)
    if not regions:
        whole = size or model_size(clip.display_size, clip.display_aspect, strides, pixels)
        return CropPlan(whole, (Crop(whole, whole, ((0, 0),)),))
    shown = [_shown(clip, region, strides, pixels, size) for region in regions]
    finest = max(shown, key=lambda one: math.prod(one.scales))
    frame = clip.display_size
    canvas = tuple(
        model if seen == full else max(model, _aligned(full * scale, full))
        for model, seen, full, scale in zip(finest.model, finest.seen, frame, finest.scales, strict=True)
    )
    crops = [_placed(region, one, finest, frame, canvas) for region, one in zip(regions, shown, strict=True)]
    return CropPlan((canvas[0], canvas[1]), tuple(crops))


def whole_only(model: str) -> str:
    """Say that a region is not for a model that draws all of what it sees anew."""
    return f"{model} draws whole pictures anew, and a region of one would stand out as a rectangle: leave out --region"


class _Shown(NamedTuple):
    """The size at which a model works on a region, and that of what it sees, in the frame's pixels."""

    model: tuple[int, int]
    seen: tuple[float, float]

    @property
    def scales(self) -> tuple[float, float]:
        """Pixels of the model for one of the frame, along and down."""
        return self.model[0] / self.seen[0], self.model[1] / self.seen[1]


def _shown(clip: Clip, region: Region, strides: tuple[int, int], pixels: int, size: tuple[int, int] | None) -> _Shown:
    """Fit a model to a region. VeraError for one that is too small for it."""
    if any(side < stride for side, stride in zip(region.size, strides, strict=True)):
        width, height = (round(side) for side in region.size)
        raise VeraError(
            f"the region {region.asked} is {width}x{height}, smaller than the {strides[0]}x{strides[1]} pixels that "
            "the model draws at once: give a larger one"
        )
    aspect, full = float(clip.display_aspect), clip.display_size
    needed = [min(side * (1 + 2 * CONTEXT), most) for side, most in zip(region.size, full, strict=True)]
    shape = (max(1, round(needed[0])), max(1, round(needed[1])))
    model = size or model_size(shape, clip.display_aspect, strides, pixels)
    # Pixels of the model for one of the frame's rows; no more than the frame has, along either side.
    scale = min(model[0] / (needed[0] * aspect), model[1] / needed[1], 1.0, 1 / aspect)
    return _Shown(model, (min(model[0] / scale / aspect, full[0]), min(model[1] / scale, full[1])))


def _aligned(side: float, full: int) -> int:
    """The side of a canvas, near `side`, that shares many pixel edges with a frame's of `full` pixels.

    The up-sampling works on tiles that end at such edges, on all cores; without them it would take the whole frame for
    one.
    """
    step = next(divisor for divisor in range(1, full + 1) if full % divisor == 0 and full // divisor <= PARTS)
    return round(side) if full // step < FEWEST else round(side / step) * step


def _placed(region: Region, shown: _Shown, finest: _Shown, frame: tuple[int, int], canvas: tuple[int, ...]) -> Crop:
    """The crop of a region: about the middle of its box, in whole pixels, within the canvas."""
    relative = [own / other for own, other in zip(shown.scales, finest.scales, strict=True)]
    size: tuple[int, ...] = shown.model
    if not all(1 / SAME < ratio < SAME for ratio in relative):
        size = tuple(round(seen * whole / full) for seen, whole, full in zip(shown.seen, canvas, frame, strict=True))
    width, height = (min(side, whole) for side, whole in zip(size, canvas, strict=True))
    corners = []
    for box in region.boxes:
        x = round((box.x + box.width / 2) * canvas[0] / frame[0] - width / 2)
        y = round((box.y + box.height / 2) * canvas[1] / frame[1] - height / 2)
        corners.append((min(max(x, 0), canvas[0] - width), min(max(y, 0), canvas[1] - height)))
    return Crop(shown.model, (width, height), tuple(corners), region.asked)


def place_layers(plan: CropPlan, shown: Iterable[int], drawn: Sequence[Iterable[Span]]) -> Iterator[Span]:
    """Bring the layers that were drawn of each crop to the canvas, frame by frame; those of a whole canvas pass.

    `shown` are the edited frames that the model saw. Later crops are laid over earlier ones. Alpha is 0 outside of all.
    """
    if plan.whole:
        yield from drawn[0]
        return
    width, height = plan.canvas
    parts = (((*frame,) for span in spans for frame in zip(*span, strict=True)) for spans in drawn)
    for index, *layers in zip(shown, *parts, strict=True):
        edit, alpha = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
        for number, (crop, layer) in enumerate(zip(plan.crops, layers, strict=True)):
            faded, reached = fade_border(layer[1], _open_sides(crop, index, plan.canvas))
            if reached > SHOWS:
                plan.touched[number] = plan.touched.get(number, 0) + 1
            box = crop.box(index)
            _lay(edit[box], alpha[box], _fitted(layer[0], faded, crop))
        yield edit[None], alpha[None]


def fade_border(alpha: Float, sides: Sequence[tuple[int, int]]) -> tuple[Float, float]:
    """Let what reaches a crop's border fade to 0 there: alpha `[h,w]`, and the most that it was at these `sides`.

    As much is taken as is found at the border nearby, and less farther inside, down to nothing where the region begins.
    So a matte that ends by itself stays as it is, to the bit, and no frame decides by a threshold.

    Args:
        sides: those that lie inside of the frame: the axis, and 0 for its beginning, 1 for its end.
    """
    faded, reached = alpha.copy(), 0.0
    for axis, end in sides:
        depth = max(1, round(alpha.shape[axis] * FADE))
        inward = np.moveaxis(faded, axis, 0)[:: -1 if end else 1][:depth]
        border = np.ascontiguousarray(np.moveaxis(alpha, axis, 0)[-1 if end else 0])[None]
        window = (2 * depth + 1, 1)
        near = cv2.blur(cv2.dilate(border, np.ones(window[::-1], np.uint8)), window, borderType=cv2.BORDER_REPLICATE)
        near = np.maximum(near, border)  # of which a mean of its neighbours' maxima misses no more than its rounding
        ramp = np.linspace(1, 0, depth, endpoint=False, dtype=np.float32)[:, None]
        np.maximum(inward - ramp * near, 0, out=inward)
        reached = max(reached, float(border.max()))
    return faded, reached


def _open_sides(crop: Crop, index: int, canvas: tuple[int, int]) -> list[tuple[int, int]]:
    """The sides of a crop that do not lie on the frame's own border."""
    spans = zip(crop.box(index), canvas[::-1], strict=True)
    gaps = [(span.start, full - span.stop) for span, full in spans]
    return [(axis, end) for axis, both in enumerate(gaps) for end, gap in enumerate(both) if gap > 0]


def _fitted(edit: Float, alpha: Float, crop: Crop) -> LayerFrame:
    """A crop's layer in pixels of the canvas."""
    if crop.size == crop.model:
        return LayerFrame(edit, alpha)
    edit, alpha = refine_layer(edit, alpha)  # colours past the matte, which are mixed into its edge
    return LayerFrame(
        *(np.asarray(cv2.resize(part, crop.size, interpolation=cv2.INTER_LINEAR)) for part in (edit, alpha))
    )


def _lay(edit: Float, alpha: Float, over: LayerFrame) -> None:
    """Lay a layer over a part of the canvas, in place: straight colours, weighted by how much of each is seen."""
    below = alpha * (1 - over.alpha)
    total = over.alpha + below
    weight = (below / np.where(total > 0, total, 1))[..., None]
    edit[...] = np.where(weight > 0, over.edit + weight * (edit - over.edit), over.edit)
    alpha[...] = total

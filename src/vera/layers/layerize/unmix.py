"""From a changed region to layers: how much of each pixel the edit covers, and with which colour.

The source is known, so a pixel is three equations, `edited = A*E + (1-A)*S`, in the four unknowns A and E. In the
middle of what is solid A is 1. Elsewhere E is carried over from the surroundings, and A is the point of the line from
S to E that comes closest to the edited pixel (difference matting with a known background; Smith and Blinn, "Blue screen
matting", 1996).
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layerize.transmission import Transmission, find_transmission, texture_scale
from vera.layers.refine.extend import extend_colors

Mask = NDArray[np.bool_]

# Chosen, not searched for: in standard deviations of noise where a value says so: what two or three of them do not
# explain. `python -m benchmarks.sensitivity layerize --only unmix` prints what half and double of each are worth.
EDGE = 3  # pixels that the edge of something solid is soft over
RIDGE = 0.8  # part of the greatest change about a pixel that makes it the middle of a thin thing
SPREAD = 8.0  # sigma in pixels over which the colour of something clear is averaged
VISIBLE = 4.0  # colours of edit and source apart, in noise, from which a pixel's own equation counts most
HEARD = 3.0  # difference from the smooth colour, in noise, from which a pixel that is not solid has its own
FAINT = 2.0  # change of a pixel, in noise
COVERED = 0.98  # of a known matte, from where on the edited picture shows the edit's own colour
MARGIN = 24  # pixels about the changed region that are looked at


class Layers(NamedTuple):
    """One frame's alpha `[H,W]` and straight edit colours `[H,W,3]`, float32 in [0,1]; colours are smooth estimates
    where alpha is below 1."""

    alpha: Float
    edit: Float


def unmix(
    source: Float,
    edited: Float,
    inside: Mask,
    level: Float,
    edge: int = EDGE,
    matte: Float | None = None,
    softness: float = 0.0,
    detail: float = 1.0,
) -> Layers:
    """Layers of a frame, from matched pictures `[H,W,3]` in [0,1], where they differ `[H,W]`, and the noise `[H,W]`.

    `matte` `[H,W]` is what solid things are known to cover: alpha is at least that, also where they look like the
    source. `softness` is the blur of the editor, in pixels, and `detail` the share of texture that is left by it.
    """
    if matte is not None:
        inside = inside | (matte > 0)
    alpha, color = np.zeros(inside.shape, np.float32), np.zeros_like(source)
    x, y, width, height = cv2.boundingRect(inside.view(np.uint8))
    if width == 0:
        return Layers(alpha, color)
    rows = slice(max(0, y - MARGIN), y + height + MARGIN)
    columns = slice(max(0, x - MARGIN), x + width + MARGIN)
    box = rows, columns
    known = None if matte is None else matte[box]
    through = find_transmission(source[box], edited[box], inside[box], level[box], texture_scale(softness), detail)
    alpha[box], color[box] = _unmix(source[box], edited[box], inside[box], level[box], edge, known, through)
    return Layers(alpha, color)


def straight_colors(source: Float, edited: Float, layers: Layers, level: Float) -> Float:
    """The edit `[H,W,3]` with which `alpha` over the source gives the edited picture, continued beyond the matte.

    Differences within the noise stay out: the codec's residue, divided by a thin alpha, would be loud.
    """
    alpha = layers.alpha[..., None]
    gap = edited - (alpha * layers.edit + (1 - alpha) * source)
    heard = np.sign(gap) * np.maximum(np.abs(gap) - HEARD * level[..., None] * (1 - alpha), 0)
    exact = (layers.edit + heard / np.maximum(alpha, np.float32(1 / 512))).clip(0, 1)
    return extend_colors(exact * alpha, layers.alpha).clip(0, 1)


def _unmix(
    source: Float, edited: Float, inside: Mask, level: Float, edge: int, matte: Float | None, through: Transmission
) -> Layers:
    clear_color = _clear_colors(source, edited, through)
    as_if = _project(source, edited, clear_color, 1 - through.share, level)
    # Plain ground among the clear tells nothing, but it must look as the same smoke over it would.
    clear = through.clear | (through.untold & (as_if[1] < np.square(HEARD * level)))
    solid = inside & ~clear
    core = _core(solid, np.square(edited - source).sum(-1), edge)
    if matte is not None:
        solid, core = solid | (matte > 0.5), np.where(matte > COVERED, np.float32(1), core)
    colors = clear_color, extend_colors(edited * core[..., None], core).clip(0, 1)
    expected = np.where(through.clear, 1 - through.share, solid.astype(np.float32))
    found = [_project(source, edited, color, expected, level) for color in colors]
    # At an edge either colour may be meant, that of the clear or that of the solid beside it: the closer one is.
    by_solid, by_clear = grown(solid, edge), grown(clear, edge)
    closer = found[0][1] < found[1][1]
    as_clear = by_clear & (~by_solid | closer)
    alpha = np.where(as_clear, found[0][0], found[1][0])
    color = np.where(as_clear[..., None], *colors)
    alpha = np.where(core > 0, np.float32(1), alpha)
    color = np.where(core[..., None] > 0, edited.clip(0, 1), color)
    # Beyond what was found changed, a soft edge may end; what the noise would hide there is none.
    seen = alpha * np.sqrt(np.square(color - source).mean(-1)) > FAINT * level
    alpha = np.where(inside | (grown(inside, 2) & seen), alpha, np.float32(0))
    return Layers(alpha if matte is None else np.maximum(alpha, matte), color)


def _core(solid: Mask, change: Float, edge: int) -> Float:
    """`[H,W]`, 1 where something solid surely covers all of a pixel: `edge` pixels within, or, of what is too thin to
    have such a middle, where the change `[H,W]` is about the greatest around."""
    core = eroded(solid, edge)
    thin = solid & ~grown(core, 2 * edge)
    greatest = cv2.dilate(change, np.ones((2 * edge + 1,) * 2, np.uint8))
    return np.asarray(core | (thin & (change > RIDGE * greatest)), np.float32)


def _clear_colors(source: Float, edited: Float, through: Transmission) -> Float:
    """The smooth colour of what lets the source through; shadows are black."""
    weight = np.where(through.clear, 1 - through.share, np.float32(0))
    own = (edited - through.share[..., None] * source) * through.clear[..., None]
    own[through.shadow] = 0
    color = extend_colors(*(cv2.GaussianBlur(part, (0, 0), SPREAD) for part in (own, weight))).clip(0, 1)
    color[through.shadow] = 0
    return np.asarray(color)


def _project(source: Float, edited: Float, color: Float, expected: Float, level: Float) -> tuple[Float, Float]:
    """Alpha of each pixel with a given colour, and the square of what stays unexplained.

    Where colour and source are too alike for the noise, the `expected` alpha takes over.
    """
    line, change = color - source, edited - source
    length = np.square(line).sum(-1)
    alpha = ((change * line).sum(-1) / np.maximum(length, np.float32(1e-4))).clip(0, 1)
    trust = length / (length + np.square(VISIBLE * level))
    unexplained = np.square(change - alpha[..., None] * line).sum(-1)
    return trust * alpha + (1 - trust) * expected, unexplained


def eroded(mask: Mask, reach: int) -> Mask:
    """The mask `[H,W]` without `reach` pixels at its edge; the frame's is none."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
    return np.asarray(cv2.erode(mask.view(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1), bool)


def grown(mask: Mask, reach: int) -> Mask:
    """The mask `[H,W]` with `reach` pixels about it."""
    return np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)), bool)

"""How much of the source still shows through a changed region: shadow, smoke and glass against what is solid."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float

Mask = NDArray[np.bool_]

# By `python -m benchmarks.sensitivity layerize --only transmission`: half of TEXTURE doubles the matte's error, as
# textured ground then counts as plain; half and double of the others change the gain by at most 0.7 dB and the error
# by a fifth.
WINDOW = 15  # pixels of a regression
INDEPENDENT = 25  # samples in a window that count as independent: detail spans about three pixels
NEIGHBOURS = 5.0  # sigma in pixels over which regressions are averaged
TEXTURE = (0.1, 0.25)  # standard error of the transmission: below the source has texture to tell, above it has none
SHOWING = (0.1, 0.2)  # transmission from which the source shows through
SIGNIFICANT = (1.5, 3.0)  # the same in standard errors
GREY = (2.0, 6.0)  # difference, in noise, of a picture from its darkened source: below the darkening has no colour
AROUND = 24.0  # sigma in pixels of what counts as around: wider than the window by far
SHOWN = 0.1  # part of what is around that must have texture to tell of the plain parts
VANISHED = (0.4, 0.7)  # share of the textured places around where the texture is gone
TINTED = (0.06, 0.12)  # spread of the channels' transmissions: smoke and shadow show about 0.03, recoloured things 0.12
OUT_OF_GAMUT = (0.15, 0.35)  # how much more opaque than measured a colour between black and white would have to be


@dataclass(frozen=True)
class Transmission:
    """Of a frame's changed region, all `[H,W]`: the share of the source that shows through, in [0,1]; where it shows
    through at all; where it is merely darkened, as by a shadow; and where there is no texture to tell, but clear parts
    all around. The first holds in the second, which holds the third."""

    share: Float
    clear: Mask
    shadow: Mask
    untold: Mask


def find_transmission(
    source: Float, edited: Float, inside: Mask, level: Float, scale: float = 1.0, detail: float = 1.0
) -> Transmission:
    """From matched frames `[H,W,3]`, the changed region and the noise level there.

    The source's texture of one to four pixels, or `scale` times as coarse where an editor lost the finest, is looked
    for in the edited picture: the slope of the regression in a window, against the `detail` of texture that is left
    where nothing was edited, is what the layer lets through, whatever smooth colour it adds. A solid layer has texture
    of its own, or none, so its slope is 0 within the standard error. One that passes some channels and not others is no
    layer with an alpha, but a thing of other colours: solid. Where the source has no texture, a darkening that leaves
    its colour is taken for a shadow, and anything else for solid.
    """
    # The rim is left out: there the picture is a mixture of changed and not, which is textured like the source.
    weight = cv2.erode(inside.view(np.uint8), np.ones((5, 5), np.uint8), borderValue=1).astype(np.float32)
    slope, deviation, powers, shares = _regress(source, edited, weight, level, scale)
    tint = _tint(powers, shares, weight)
    slope, deviation = slope / np.float32(detail), deviation / np.float32(detail)
    trust = np.asarray(weight / (np.square(deviation) + np.float32(0.03**2)), np.float32)
    total = np.maximum(_blur(trust, NEIGHBOURS), np.float32(1e-4))
    slope = np.asarray(_blur(slope * trust, NEIGHBOURS) / total, np.float32)
    error = np.asarray(1 / np.sqrt(total), np.float32)

    near_source, near_edited = _mean(source, weight, 5), _mean(edited, weight, 5)
    power = np.maximum(np.square(near_source).sum(-1), np.float32(1e-4))
    ratio = (near_edited * near_source).sum(-1) / power
    color = np.sqrt(np.square(near_edited - ratio[..., None] * near_source).mean(-1)) / level
    darkened = (1 - _ramp(color, GREY)) * _ramp(1 - ratio, (0.0, 0.04))
    darkened = _blur(darkened * weight, 3.0) / np.maximum(_blur(weight, 3.0), np.float32(1e-4))

    textured = 1 - _ramp(error, TEXTURE)
    showing = _ramp(slope, SHOWING) * _ramp(slope / error, SIGNIFICANT)
    alike = 1 - _ramp(np.abs(ratio - slope), (0.2, 0.4))
    tinted = showing * _ramp(tint, TINTED)
    gone, there, tinted = (_blur(textured * part * weight, AROUND) for part in (1 - showing, showing, tinted))
    tinted /= there + np.float32(1e-4)
    # Where the source is plain, a shadow is only believed if its texture has not vanished all around.
    vanished = gone / (gone + there + np.float32(0.02))
    plain = (1 - textured) * (1 - _ramp(vanished, VANISHED))
    shadow = darkened * (textured * alike * showing + plain)
    least = _mean(least_alpha(source, edited, level), weight, 7)
    possible = 1 - _ramp(least - (1 - slope), OUT_OF_GAMUT)
    is_shadow = (shadow > 0.5) & inside
    clear = is_shadow | ((textured * showing * possible * (1 - tinted) > 0.5) & inside)
    untold = inside & ~clear & (plain * (1 - tinted) > 0.5) & (there > SHOWN)
    share = np.where(is_shadow, ratio, slope).clip(0, 0.98)
    return Transmission(np.where(clear, share, np.float32(0)), clear, is_shadow, untold)


def texture_scale(softness: float) -> float:
    """How much coarser texture is looked for, of an editor that blurs by `softness` pixels."""
    return max(1.0, 2 * softness)


def kept_detail(source: Float, edited: Float, kept: Mask, level: Float, scale: float = 1.0) -> Float:
    """`[N]`, the share of the source's texture that an editor leaves where nothing was edited: of matched frames
    `[H,W,3]`, in the windows about the pixels `kept` that are textured."""
    slope, deviation, *_ = _regress(source, edited, kept.astype(np.float32), level, scale)
    return slope[kept & (deviation < TEXTURE[0])]


def least_alpha(source: Float, edited: Float, level: Float) -> Float:
    """`[H,W]`, the least alpha with which some colour in [0,1] over the source gives the edited picture, but for noise.

    Where a channel is darker that is `1 - edited/source`, where it is lighter the same of the complements.
    """
    before, after = cv2.GaussianBlur(source, (0, 0), 1.5), cv2.GaussianBlur(edited, (0, 0), 1.5)
    noise = level[..., None]
    darker = (before - after - noise) / np.maximum(before, np.float32(0.02))
    lighter = (after - before - noise) / np.maximum(1 - before, np.float32(0.02))
    return np.asarray(np.maximum(darker, lighter).max(axis=-1).clip(0, 1))


def _regress(
    source: Float, edited: Float, weight: Float, level: Float, scale: float
) -> tuple[Float, Float, Float, Float]:
    """Slope of the edited picture's texture over the source's, all channels together, and its standard error; and of
    each channel `[H,W,3]` the power of the source's texture, and what of it both pictures share."""
    one, other = (
        cv2.GaussianBlur(part, (0, 0), scale) - cv2.GaussianBlur(part, (0, 0), 4 * scale) for part in (source, edited)
    )
    window = round(WINDOW * scale) | 1
    powers, shares = (_mean(product, weight, window) for product in (one * one, one * other))
    other_power = _mean((other * other).sum(-1), weight, window)
    power, shared = powers.sum(-1), shares.sum(-1)
    noise = 3 * np.square(level)
    slope = np.asarray(shared / (power + noise / 4), np.float32)
    residue = np.maximum(other_power - slope * shared, 0) + noise / 2
    deviation = np.asarray(np.sqrt(residue / ((power + np.float32(1e-7)) * INDEPENDENT)), np.float32)
    return slope, deviation, powers, shares


def _tint(powers: Float, shares: Float, weight: Float) -> Float:
    """Deviation of the channels' own slopes from the common one, in the neighbourhood."""
    powers, shares = (_blur(part * weight[..., None], NEIGHBOURS) for part in (powers, shares))
    power = np.maximum(powers.sum(-1), np.float32(1e-9))
    apart = shares - (shares.sum(-1) / power)[..., None] * powers
    tint = np.sqrt((np.square(apart) / np.maximum(powers, np.float32(1e-9))).sum(-1) / power)
    return np.asarray(tint, np.float32)


def _mean(values: Float, weight: Float, side: int) -> Float:
    """Weighted mean over windows of `[H,W]` or `[H,W,3]`."""
    total = np.maximum(cv2.blur(weight, (side, side)), np.float32(1e-4))
    if values.ndim == 2:
        return np.asarray(cv2.blur(values * weight, (side, side)) / total)
    return np.asarray(cv2.blur(values * weight[..., None], (side, side)) / total[..., None])


def _blur(values: Float, sigma: float) -> Float:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma))


def _ramp(values: Float, ends: tuple[float, float]) -> Float:
    """0 below the first, 1 above the second, smooth between."""
    low, high = ends
    x = ((values - np.float32(low)) * np.float32(1 / (high - low))).clip(0, 1)
    return np.asarray(x * x * (3 - 2 * x))

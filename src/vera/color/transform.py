"""Between a source's own colours and the display-referred BT.709 that a model sees and draws in, both ways.

The view is what a model is shown. The edit layer it draws comes back by the inverse, so that what it left alone would
come back as it was, and its white is the scene's white and not the brightest lamp that PQ can code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.color.lut import check_inverse, read_cube
from vera.color.primaries import BT709, Colors, same_primaries, to_xyz
from vera.color.tags import ColorTags
from vera.color.transfer import HLG, PQ, decode, encode, is_bt1886, tone_map, tone_unmap
from vera.errors import VeraError

_OCIO_CONFIG = "studio-config-latest"
_OCIO_DISPLAY = "Rec.1886 Rec.709 - Display"
_SDR_TRANSFER = 1


@dataclass(frozen=True)
class ColorTransform:
    """Two functions on R'G'B' `[...,3]` float64, 0 to 1: the source's to display-referred BT.709, and back.

    `name` says what it is, for the manifest. What BT.709 can show comes back as it was; brighter or more saturated
    colours of the source are clipped by the view.
    """

    name: str
    to_view: Callable[[Colors], Colors]
    to_source: Callable[[Colors], Colors]


def color_transform(color: ColorTags, lut: str | Path | None = None, ocio: str | None = None) -> ColorTransform | None:
    """The transform for footage of these tags; None where its R'G'B' already is what BT.709 displays show.

    PQ and HLG are tone mapped by BT.2446 method C on luminance; other primaries and gammas are converted. Log footage
    is tagged as BT.709 or not at all, so it has to be named: `lut` is the .cube file that shows it in BT.709, as camera
    makers give it, and `ocio` the name of its colour space in the OpenColorIO config (that of $OCIO, or the built-in).
    VeraError for a file or a name that cannot be used.
    """
    if lut is not None and ocio is not None:
        raise VeraError("give a LUT or an OpenColorIO colour space for the source, not both")
    if lut is not None:
        table = read_cube(Path(lut))
        check_inverse(table, Path(lut))
        return ColorTransform(
            f"LUT {Path(lut).name}", lambda colors: table.apply(colors).clip(0, 1), table.apply_backwards
        )
    if ocio is not None:
        return _ocio_transform(ocio)
    if color.trc in (PQ, HLG):
        name = "PQ" if color.trc == PQ else "HLG"
        return ColorTransform(
            f"{name} by BT.2446 method C",
            partial(_view, color=color, hdr=True),
            partial(_source, color=color, hdr=True),
        )
    if is_bt1886(color.trc) and same_primaries(color.primaries, BT709):
        return None
    name = f"primaries {color.primaries}, transfer {color.trc} of H.273"
    return ColorTransform(name, partial(_view, color=color, hdr=False), partial(_source, color=color, hdr=False))


def color_spaces() -> list[str]:
    """Name the colour spaces that `color_transform` takes: those of $OCIO's config, or of the built-in one.

    VeraError for a config that cannot be read.
    """
    import PyOpenColorIO as ocio  # noqa: N813

    try:
        return [space.getName() for space in _ocio_config().getColorSpaces()]
    except ocio.Exception as error:
        raise VeraError(f"OpenColorIO's config cannot be read: {error}") from None


def edit_to_source(edit: NDArray[Any], transform: ColorTransform) -> NDArray[np.uint16]:
    """Bring an edit layer `[H,W,3]`, float32 in [0,1] of the view's colours, to codes of the source's R'G'B'."""
    codes: Colors = transform.to_source(edit.astype(np.float64))
    return np.asarray(np.rint(codes.clip(0, 1) * 65535), np.uint16)


def _view(codes: Colors, color: ColorTags, hdr: bool) -> Colors:
    own, shown = to_xyz(color.primaries), to_xyz(BT709)
    light = decode(codes, color.trc, own[1])
    if hdr:
        luminance = light @ own[1]
        light = light * (tone_map(luminance) / np.maximum(luminance, 1e-9))[..., None]
    return encode(light @ (np.linalg.inv(shown) @ own).T, _SDR_TRANSFER, shown[1])


def _source(codes: Colors, color: ColorTags, hdr: bool) -> Colors:
    own, shown = to_xyz(color.primaries), to_xyz(BT709)
    light = decode(codes, _SDR_TRANSFER, shown[1])
    if hdr:
        luminance = light @ shown[1]
        light = light * (tone_unmap(luminance) / np.maximum(luminance, 1e-9))[..., None]
    return encode(light @ (np.linalg.inv(own) @ shown).T, color.trc, own[1])


def _ocio_transform(space: str) -> ColorTransform:
    import PyOpenColorIO as ocio  # noqa: N813

    from vera.color.processor import both_ways

    try:
        config = _ocio_config()
        display = _OCIO_DISPLAY if _OCIO_DISPLAY in config.getDisplays() else config.getDefaultDisplay()
        shown = ocio.DisplayViewTransform(space, display, config.getDefaultView(display))
        there, back = both_ways(shown, config)
    except ocio.Exception as error:
        raise VeraError(f"OpenColorIO cannot show {space!r} in BT.709: {error}") from None
    return ColorTransform(
        f"OpenColorIO {space}, {display}",
        lambda colors: there(colors).clip(0, 1),
        lambda colors: back(colors).clip(0, 1),
    )


def _ocio_config() -> Any:
    import PyOpenColorIO as ocio  # noqa: N813

    named = ocio.IsEnvVariablePresent("OCIO")
    return ocio.Config.CreateFromEnv() if named else ocio.Config.CreateFromBuiltinConfig(_OCIO_CONFIG)

"""Static HDR metadata: the display that footage was mastered on (SMPTE ST 2086), and its light levels (CTA-861.3)."""

import struct
from dataclasses import dataclass
from fractions import Fraction

import av
from av.sidedata.sidedata import Type

from vera.video.decoding.filters import side_data

Point = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class HdrMetadata:
    """What a picture says of its mastering.

    `primaries`: CIE 1931 x and y of red, green, blue and white; `luminance`: lowest and highest of the display in
    cd/m2; `light_level`: the brightest pixel and the brightest frame average of the clip in cd/m2. None: not said.
    """

    primaries: tuple[Point, Point, Point, Point] | None = None
    luminance: tuple[Fraction, Fraction] | None = None
    light_level: tuple[int, int] | None = None


def hdr_metadata(frame: av.VideoFrame) -> HdrMetadata | None:
    """What the frame's side data says; None if that is nothing."""
    primaries = luminance = light_level = None
    for side in side_data(frame):
        if side.type is Type.MASTERING_DISPLAY_METADATA:
            # AVMasteringDisplayMetadata: 10 rationals (R, G, B, white as x, y; lowest, highest), 2 flags.
            *numbers, has_primaries, has_luminance = struct.unpack_from("=22i", bytes(side))
            values = [Fraction(a, b or 1) for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
            points = [(values[i], values[i + 1]) for i in (0, 2, 4, 6)]
            primaries = (points[0], points[1], points[2], points[3]) if has_primaries else None
            luminance = (values[8], values[9]) if has_luminance else None
        elif side.type is Type.CONTENT_LIGHT_LEVEL:
            light_level = struct.unpack_from("=2I", bytes(side))
    found = HdrMetadata(primaries, luminance, light_level)
    return None if found == HdrMetadata() else found


def same_hdr(one: HdrMetadata, other: HdrMetadata | None) -> bool:
    """Whether both say the same, to the units of ST 2086: 0.00002 in x and y, 0.0001 cd/m2."""
    if other is None or one.light_level != other.light_level:
        return False
    chroma = [[value for point in hdr.primaries or () for value in point] for hdr in (one, other)]
    light = [list(hdr.luminance or ()) for hdr in (one, other)]
    return all(
        len(a) == len(b) and all(abs(x - y) <= unit for x, y in zip(a, b, strict=True))
        for (a, b), unit in ((chroma, Fraction(1, 50000)), (light, Fraction(1, 10000)))
    )


def encoder_params(hdr: HdrMetadata, encoder: str) -> dict[str, str]:
    """Parameters of libx264 or libx265 that write `hdr` into the pictures, in the units of ST 2086.

    Both write all of the mastering display or nothing, so what is not said is 0, which stands for unknown.
    """
    params = {}
    if hdr.primaries or hdr.luminance:
        red, green, blue, white = hdr.primaries or ((Fraction(0), Fraction(0)),) * 4
        low, high = hdr.luminance or (Fraction(0), Fraction(0))
        places = zip(("G", "B", "R", "WP"), (green, blue, red, white), strict=True)
        display = "".join(f"{name}({round(x * 50000)},{round(y * 50000)})" for name, (x, y) in places)
        display += f"L({round(high * 10000)},{round(low * 10000)})"
        params["mastering-display" if encoder == "libx264" else "master-display"] = display
    if hdr.light_level:
        level = "{},{}".format(*hdr.light_level)
        params["cll" if encoder == "libx264" else "max-cll"] = level
    return params

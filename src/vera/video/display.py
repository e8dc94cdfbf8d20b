"""How a clip is shown in BT.709, to people and to models: by its tags, or by what is named for log footage."""

from pathlib import Path

from vera.color.transform import ColorTransform, color_transform
from vera.errors import VeraError
from vera.video.clip import Clip
from vera.video.formats import is_float


def display_transform(clip: Clip, lut: str | Path | None = None, ocio: str | None = None) -> ColorTransform | None:
    """Choose what shows a clip, as `color_transform` does; None where it is BT.709 already.

    VeraError for a LUT or a colour space that cannot be used, or that is named for linear light.
    """
    if is_float(clip.pix_fmt) and (lut is not None or ocio is not None):
        raise VeraError(f"{clip.path}: is linear light, which is shown as sRGB; leave out the LUT or colour space")
    return color_transform(clip.color, lut, ocio)

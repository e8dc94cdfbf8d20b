"""Per-frame side data: captions, HDR10+, Dolby Vision, ICC profiles."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
from av.sidedata.sidedata import Type

from vera.video.decoding.filters import has_side_data
from vera.video.reader import FrameReader

# Static HDR metadata and the rotation are the whole clip's and have their own ways; the rest is a decoder's or an
# encoder's note to itself.
_KINDS: Mapping[str, tuple[Any, ...]] = {
    "closed captions": (Type.A53_CC.value,),
    "HDR10+ metadata": (Type.DYNAMIC_HDR_PLUS.value,),
    "HDR Vivid metadata": (Type.DYNAMIC_HDR_VIVID.value,),
    "Dolby Vision metadata": (Type.DOVI_RPU_BUFFER.value, Type.DOVI_METADATA.value),
    "film grain parameters": (Type.FILM_GRAIN_PARAMS.value,),
    "ICC profile": (Type.ICC_PROFILE.value,),
    "timecode within the pictures": (Type.S12M_TIMECODE.value, Type.GOP_TIMECODE.value),
    "active format description": (Type.AFD.value,),
    "stereoscopic arrangement": (Type.STEREO3D.value,),
    "spherical projection": (Type.SPHERICAL.value,),
    "viewing environment": (Type.AMBIENT_VIEWING_ENVIRONMENT.value,),
}


def asides(frame: av.VideoFrame) -> list[str]:
    """What the frame says besides its samples, by names that people know.

    It is asked of a filter, since reading `frame.side_data` leaves the frame in memory until garbage is collected.
    """
    return [name for name, kinds in _KINDS.items() if any(has_side_data(frame, kind) for kind in kinds)]


def lost_asides(path: Path, given: Mapping[str, int]) -> list[str]:
    """A line for each of the asides that were `given` to the file `path` and that it does not say.

    `given`: the number of the first frame that said it, by name; that frame of the file is asked.
    """
    if not given:
        return []
    lost = set(given)
    with FrameReader(path) as reader:
        for number, frame in zip(range(max(given.values()) + 1), reader, strict=False):
            lost -= {name for name in asides(frame) if given.get(name) == number}
    return [f"can't hold the {name} of the source's pictures, so it is left out" for name in given if name in lost]

"""Pictures of a clip as pages show them, one a frame, of the clip and of what was made of it."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.annotation.clips import EVIDENCE, HELD, Clips, read_held
from vera.construction.formats.mend import NOTHING, Mend, Part, parts_gone
from vera.construction.stages.removal import DEEP
from vera.service.errors import MissingError

View = Literal["clip", "plate", "difference", "evidence", "alpha", "checker", "plain", "result"]
Frame = NDArray[np.uint8]
QUALITY = 92
GAIN = 4  # of differences
SQUARE = 16  # pixels of a checkerboard's squares
SEEN = 9  # frames that show a pixel, from which the evidence is white: as many as a plate is the median of


def picture(clips: Clips, clip: str, name: str, view: View, t: int, mend: Mend = NOTHING) -> tuple[bytes, str]:
    """A frame of a view and its media type: JPEG, but PNG for alpha, which pages show brighter, too.

    `mend` changes the matte that `alpha`, `checker` and `plain` show.

    MissingError for a frame or a view that the clip does not have.
    """
    if not 0 <= t < len(clips.frames(clip)):
        raise MissingError(f"the clip has no frame {t}")
    kind = "png" if view == "alpha" else "jpeg"
    frame = _VIEWS[view](clips, clip, name, t, mend)
    ordered = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    done, content = cv2.imencode(f".{kind}", ordered, [cv2.IMWRITE_JPEG_QUALITY, QUALITY] if kind == "jpeg" else [])
    assert done
    return content.tobytes(), f"image/{kind}"


def _clip(clips: Clips, clip: str, name: str, t: int, mend: Mend) -> Frame:
    return np.asarray(clips.frames(clip)[t])


def _plate(clips: Clips, clip: str, name: str, t: int, mend: Mend) -> Frame:
    return np.asarray(clips.read(clip, "plate.mkv", name)[t])


def _difference(clips: Clips, clip: str, name: str, t: int, mend: Mend) -> Frame:
    apart = cv2.absdiff(clips.frames(clip)[t], _plate(clips, clip, name, t, mend))
    return np.asarray(np.minimum(apart.astype(np.uint16) * GAIN, 255).astype(np.uint8))


def _evidence(clips: Clips, clip: str, name: str, t: int, mend: Mend) -> Frame:
    """White where many frames show the background, red where none does, in the hole."""
    seen = np.minimum(clips.read(clip, EVIDENCE, name)[t].astype(np.float32) / SEEN, 1)
    hole = clips.read(clip, "hole.mkv", name)[t] > 127
    shown = np.repeat((seen * 255).astype(np.uint8)[..., None], 3, axis=2)
    shown[hole & (seen == 0)] = (200, 40, 40)
    shown[~hole] = clips.frames(clip)[t][~hole] // 3
    return shown


def _matte(clips: Clips, clip: str, name: str, t: int, mend: Mend) -> NDArray[np.float32]:
    path, changed = clips.path(clip, "matte.mkv", name)
    matte = read_held(path, changed)[t].astype(np.float32) / DEEP
    return np.asarray(mend.apply(matte, t, _gone(path, changed, mend.parts)[t] if mend.parts else None))


@lru_cache(maxsize=HELD)
def _gone(path: Path, changed: int, parts: tuple[Part, ...]) -> NDArray[np.bool_]:
    return parts_gone(read_held(path, changed).astype(np.float32) / DEEP, parts)


def _alpha(clips: Clips, clip: str, name: str, t: int, mend: Mend) -> Frame:
    return np.asarray(np.rint(_matte(clips, clip, name, t, mend) * 255), np.uint8)


def _over(clips: Clips, clip: str, name: str, t: int, mend: Mend, behind: Frame) -> Frame:
    matte = _matte(clips, clip, name, t, mend)[..., None]
    return np.asarray(np.rint(clips.frames(clip)[t] * matte + behind * (1 - matte)), np.uint8)


def _checker(clips: Clips, clip: str, name: str, t: int, mend: Mend) -> Frame:
    y, x = np.indices(clips.frames(clip).shape[1:3]) // SQUARE
    squares = np.where((x + y) % 2, 150, 100).astype(np.uint8)
    return _over(clips, clip, name, t, mend, squares[..., None])


def _plain(clips: Clips, clip: str, name: str, t: int, mend: Mend) -> Frame:
    """Over one bright colour, on which dark fringes are seen."""
    return _over(clips, clip, name, t, mend, np.full((1, 1, 3), (200, 210, 190), np.uint8))


def _result(clips: Clips, clip: str, name: str, t: int, mend: Mend) -> Frame:
    return np.asarray(clips.read(clip, "new_source.mkv", name)[t])


_VIEWS: Mapping[View, Callable[[Clips, str, str, int, Mend], Any]] = {
    "clip": _clip,
    "plate": _plate,
    "difference": _difference,
    "evidence": _evidence,
    "alpha": _alpha,
    "checker": _checker,
    "plain": _plain,
    "result": _result,
}

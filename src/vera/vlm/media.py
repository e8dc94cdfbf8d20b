"""Clips as parts of a question: frames as pictures, or the file itself."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.files import read_bytes
from vera.video import Clip, ClipLike, as_clip, model_view
from vera.vlm.question import Part

FRAMES = 32  # of each clip, as the published judges see
LONGEST = 768  # pixels: endpoints scale larger pictures down themselves, and have them paid for
JPEG_QUALITY = 90
VIDEO_LIMIT = 100 << 20  # bytes: larger requests are refused by every endpoint that was looked at
VIDEO_TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm"}

Picture = Literal["jpeg", "png"]


def image_parts(clip: ClipLike, count: int = FRAMES, longest: int = LONGEST, picture: Picture = "jpeg") -> list[Part]:
    """Return `count` frames of a clip, evenly spaced in time, as pictures in a question; all of a shorter clip.

    They are what a display shows, in sRGB, and at most `longest` pixels wide and high.
    """
    opened = as_clip(clip)
    wanted = even_frames(opened, count)
    size = fitting_size(opened, longest)
    return [_part("image_url", f"image/{picture}", _coded(view, picture)) for view in _views(opened, wanted, size)]


def video_part(path: Path) -> Part:
    """Return a video file as a part of a question. VeraError for a file that endpoints do not take."""
    kind = VIDEO_TYPES.get(path.suffix.lower())
    if kind is None:
        raise VeraError(f"{path}: endpoints take {', '.join(VIDEO_TYPES)} as video; send frames of it instead")
    return _part("video_url", kind, read_bytes(path, VIDEO_LIMIT))


def even_frames(clip: Clip, count: int) -> list[int]:
    """Return the indices of the frames nearest to `count` times that are evenly spaced from the first to the last."""
    if count < 1:
        raise VeraError(f"frames: at least 1 is shown, not {count}")
    times = np.array(clip.pts, np.float64)
    wanted = np.linspace(times[0], times[-1], min(count, len(times)))
    after = np.searchsorted(times, wanted).clip(1, max(1, len(times) - 1)) if len(times) > 1 else np.zeros(1, int)
    before = np.maximum(after - 1, 0)
    nearest = np.where(wanted - times[before] <= times[after] - wanted, before, after)
    return [int(index) for index in np.unique(nearest)]


def fitting_size(clip: Clip, longest: int) -> tuple[int, int]:
    """Return width and height of a frame as it is shown, with square pixels, scaled down to `longest`."""
    width, height = clip.display_size
    shown = width * float(clip.display_aspect)
    scale = min(1.0, longest / max(shown, height))
    return max(1, round(shown * scale)), max(1, round(height * scale))


def _views(clip: Clip, wanted: Sequence[int], size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    found = []
    with clip.frames() as frames:
        for index, frame in enumerate(frames):
            if index in wanted:
                found.append(model_view(frame, *size, clip.orientation))
            if index == wanted[-1]:
                break
    return found


def _coded(view: NDArray[np.uint8], picture: Picture) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if picture == "jpeg" else []
    done, data = cv2.imencode(f".{picture}", cv2.cvtColor(view, cv2.COLOR_RGB2BGR), options)
    assert done  # memory is all it needs
    return data.tobytes()


def _part(kind: str, media_type: str, data: bytes) -> Part:
    url = f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
    return {"type": kind, kind: {"url": url}}

"""A few words for a scene that nobody has described, from its light and colours alone."""

import cv2
import numpy as np

from vera.construction.embedded.regions import Frames
from vera.video.view import spread_frames

DARK, BRIGHT = 70, 170  # mean grey codes
FAINT = 0.12  # mean saturation below which a scene has no colour to speak of
SOME = 5  # frames that are looked at
# Of OpenCV's hues, which go to 180: where each name ends.
HUES = {"red": 8, "orange": 20, "yellow": 33, "green": 85, "blue": 130, "purple": 160, "pink": 172}


def scene_words(plate: Frames) -> str:
    """Words for a clip without its subject `[T,H,W,3]`, such as "a bright scene in shades of green"."""
    pixels = np.concatenate([cv2.cvtColor(plate[t], cv2.COLOR_RGB2HSV) for t in spread_frames(len(plate), SOME)])
    hue, saturation = pixels[..., 0].ravel(), pixels[..., 1].ravel() / np.float32(255)
    grey = float(np.mean([cv2.cvtColor(plate[t], cv2.COLOR_RGB2GRAY).mean() for t in spread_frames(len(plate), SOME)]))
    light = "dark " if grey < DARK else "bright " if grey > BRIGHT else ""
    if float(saturation.mean()) < FAINT:
        return f"a {light}scene in grey tones"
    amount = np.bincount(hue, saturation, 256)
    edges = np.array(list(HUES.values()))
    names = [*HUES, "red"]
    found = np.bincount(np.searchsorted(edges, np.arange(256), side="right"), amount, len(names))
    found[0] += found[-1]
    return f"a {light}scene in shades of {names[int(found[:-1].argmax())]}"

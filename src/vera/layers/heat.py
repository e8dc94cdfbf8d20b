"""Where samples changed that should not have: counted by frame, drawn as one grey picture."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vera.video import Clip
from vera.whole import whole_file

FAINTEST = 64  # of 255: a pixel that changed once in a long clip is still seen


class ChangeMap:
    """Counts, for each upright pixel of a clip, the frames in which one of its samples changed.

    `by_frame`: changed samples of each frame. `add` is `verify`'s `seen`.
    """

    def __init__(self, clip: Clip) -> None:
        self.by_frame = [0] * clip.frame_count
        self._clip = clip
        self._counts = np.zeros((clip.height, clip.width), np.int32)
        self._last, self._frame = -1, np.zeros((clip.height, clip.width), np.bool_)

    def add(self, number: int, changed: NDArray[np.bool_]) -> None:
        """Take the samples `[h,w]` of one component of a frame that changed, on that component's own grid."""
        self.by_frame[number] += int(np.count_nonzero(changed))
        if number != self._last:
            self._counts += self._frame
            self._last, self._frame = number, np.zeros_like(self._frame)
        height, width = self._counts.shape
        down, right = -(-height // changed.shape[0]), -(-width // changed.shape[1])
        self._frame |= changed.repeat(down, 0).repeat(right, 1)[:height, :width]

    def picture(self) -> NDArray[np.uint8]:
        """Grey `[H,W]`, upright: black where nothing changed, white where all the frames did that changed anywhere."""
        counts: NDArray[Any] = self._counts + self._frame
        most = max(int(counts.max()), 1)
        grey = np.where(counts > 0, FAINTEST + (255 - FAINTEST) * counts / most, 0)
        return np.ascontiguousarray(self._clip.orientation.upright(grey.astype(np.uint8)))

    def save(self, path: Path) -> None:
        """Write the picture as PNG, whole or not at all."""
        with whole_file(path) as partial:
            Image.fromarray(self.picture()).save(partial, "PNG")

"""What an export is of: the layers at the source's size, and where they lie in the source's frames and times."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import av
import numpy as np
from numpy.typing import NDArray

from vera.choices import Light
from vera.layers.export.timecode import format_timecode, parse_timecode
from vera.layers.layer_frame import LayerFrame
from vera.layers.layered_edit import LayeredEdit
from vera.progress import Progress
from vera.video import Clip, model_view
from vera.video.sequence import Sequence, find_sequence

LONGEST_NAME = 160  # of the 255 bytes that a file's name may have, which role, number and partial names lengthen
LayerFrames = Iterator[LayerFrame]


@dataclass(frozen=True)
class Shot:
    """The frames from the first to the last that have a layer frame: one picture for each of the source's frames there.

    `info` is the source's, and `index_of` says which layer frame lies over its frame of a time: pts -> index in `edit`.
    `start_frame` is the number of the source's first frame in names of numbered files. `light` says whether OpenEXR
    holds linear light or the source's own encoding. `still` is the number of a still's frame; None: the middle one.
    """

    edit: LayeredEdit
    clip: Clip
    index_of: Mapping[int, int]
    start_frame: int = 1001
    light: Light = "linear"
    still: int | None = None

    @cached_property
    def first(self) -> int:
        """Position in the source of the first exported frame, from 0."""
        return self.clip.pts.index(min(self.index_of))

    @cached_property
    def count(self) -> int:
        """How many frames are exported."""
        return self.clip.pts.index(max(self.index_of)) - self.first + 1

    @property
    def pts(self) -> tuple[int, ...]:
        """The source's times of the exported frames, in units of the source's `time_base`."""
        return self.clip.pts[self.first : self.first + self.count]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright picture."""
        return self.clip.display_size

    @property
    def rate(self) -> Fraction:
        """Frames a second, as a fraction that timelines can hold."""
        return self.clip.coded_rate

    @cached_property
    def sequence(self) -> Sequence | None:
        """The source's pictures, if it is an image sequence."""
        return find_sequence(self.clip.path)

    @cached_property
    def name(self) -> str:
        """The source's name with nothing in it that a pipeline stumbles over: letters, digits, `.`, `_` and `-`."""
        path = self.clip.path if self.sequence is None else self.sequence.files[0]
        stem = path.stem if self.sequence is None else path.stem.rstrip("0123456789")
        return re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("_.-")[:LONGEST_NAME] or "clip"

    @property
    def numbers(self) -> range:
        """Numbers of the exported frames in file names."""
        return range(self.start_frame + self.first, self.start_frame + self.first + self.count)

    @property
    def padding(self) -> str:
        """The printf form of a frame number, as wide for all frames of the source."""
        last = self.start_frame + self.clip.frame_count - 1
        return f"%0{max(4, len(str(last)))}d"

    @cached_property
    def source_start(self) -> tuple[int, bool]:
        """Timecode of the source's first frame: frames since midnight, and whether numbers are dropped."""
        return parse_timecode(self.clip.timecode, self.rate)

    def timecode(self, position: int) -> str:
        """Timecode of a frame of the source; where the source has none it counts from 0, as programs show it."""
        start, drop = self.source_start
        return format_timecode(start + position, self.rate, drop)

    def frames(self, progress: Progress | None = None, stage: str = "export") -> LayerFrames:
        """Give the layers as codes, one after the other: edit uint8 or uint16, alpha uint16.

        Where the edit has no layer frame between two others, the picture is black and alpha 0.
        """
        for done, (pts, plate) in enumerate(self._plates(), 1):
            yield self.frame(pts, plate)
            if progress is not None:
                progress(stage, done, self.count)

    def frame(self, pts: int, plate: NDArray[np.uint8] | None = None) -> LayerFrame:
        """Give the layer for the source's frame at `pts`, as `frames` gives it; `plate` is that frame's `view`."""
        if pts in self.index_of:
            return self.edit.frame(self.index_of[pts], self.size, plate, self.clip.position(pts)).codes(np.uint16)
        width, height = self.size
        return LayerFrame(np.zeros((height, width, 3), self.edit.edit.dtype), np.zeros((height, width), np.uint16))

    def view(self, frame: av.VideoFrame) -> NDArray[np.uint8] | None:
        """RGB of the source's frame `[H,W,3]`, for guided up-sampling; None if no step needs it."""
        return model_view(frame, *self.size, self.clip.orientation) if self.edit.finish.needs_plate else None

    def _plates(self) -> Iterator[tuple[int, NDArray[np.uint8] | None]]:
        """Time and view of each of the source's frames that is exported; no view where it cannot be read."""
        waiting = deque(self.pts)
        if self.edit.finish.needs_plate:
            with self.clip.frames() as reader:
                for frame in reader.first(self.clip.frame_count):
                    while waiting and frame.pts is not None and waiting[0] < frame.pts:
                        yield waiting.popleft(), None
                    if not waiting:
                        return
                    if waiting[0] == frame.pts:
                        yield waiting.popleft(), self.view(frame)
        yield from ((pts, None) for pts in waiting)

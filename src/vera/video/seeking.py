"""Frames by number: each exactly as reading the clip in order gives it, with the last ones kept."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator

import av

from vera.errors import VeraError
from vera.video.clip import Clip
from vera.video.decoding.damage import has_times, packet_is_frame
from vera.video.open import open_video, packets
from vera.video.reader import FrameReader

MEMORY = 256 << 20  # bytes of frames that are kept: 20 of 4K, a second of HD
Numbered = Iterator[tuple[int, av.VideoFrame]]  # each with its number


class FrameSeeker:
    """Frames of a clip by number, of any number in any order; use as a context manager, from one thread.

    It begins at the key frame before a frame and decodes up to it, or goes on from where it is. Frames on the way are
    kept, the last used of them, in `memory` bytes: all of a group of pictures, so that going backwards decodes once.
    Where a file cannot be entered in the middle (no times, deinterlacing, damage), it is read from its start. Frames
    are shared: nothing may be written into them.

    Making one reads the file's packets once. Raises VeraError as `FrameReader`.
    """

    def __init__(self, clip: Clip, memory: int = MEMORY) -> None:
        self.clip = clip
        self._memory, self._used = memory, 0
        self._kept: OrderedDict[int, av.VideoFrame] = OrderedDict()
        self._keys = key_positions(clip)
        self._reader: FrameReader | None = None
        self._frames: Numbered = iter(())
        self._next = clip.frame_count  # number of the frame that `_frames` gives next

    def __len__(self) -> int:
        return self.clip.frame_count

    def __getitem__(self, number: int) -> av.VideoFrame:
        """The frame of a number from 0 on. Raises IndexError for one that there is not."""
        if not 0 <= number < len(self):
            raise IndexError(f"{self.clip.path}: has {len(self)} frames, no frame {number}")
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        before = bisect_right(self._keys, number)
        for key in reversed(self._keys[:before]):
            if not key <= self._next <= number:
                self._enter(key)
            found = self._forward(number)
            if found is not None:
                return found
        self._keys = [0]  # what sequential reading gives, whatever is wrong with the file
        self._enter(0)
        found = self._forward(number)
        if found is None:
            raise VeraError(f"{self.clip.path}: frame {number} cannot be read; copy or export the clip again")
        return found

    def close(self) -> None:
        """Close the file and drop all frames."""
        if self._reader is not None:
            self._reader.close()
        self._reader, self._frames, self._next = None, iter(()), self.clip.frame_count
        self._kept.clear()
        self._used = 0

    def __enter__(self) -> "FrameSeeker":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _enter(self, key: int) -> None:
        """Be ready to give the frame of number `key`, and those after it."""
        if self._reader is not None:
            self._reader.close()
        self._reader = FrameReader(self.clip.footage)
        frames = iter(self._reader) if key == 0 else self._reader.frames_from(self.clip.pts[key])
        self._frames, self._next = ((self.clip.position(frame.pts or 0), frame) for frame in frames), key

    def _forward(self, number: int) -> av.VideoFrame | None:
        """Read on up to a frame; None if it does not come."""
        for position, frame in self._frames:
            if position != self._next:  # one is missing: what was entered here is not what reading in order gives
                break
            self._next = position + 1
            self._keep(position, frame)
            if position == number:
                return frame
        self._next = self.clip.frame_count
        return None

    def _keep(self, number: int, frame: av.VideoFrame) -> None:
        former = self._kept.pop(number, None)  # one that is decoded again, on the way to another
        self._used += _size(frame) - (0 if former is None else _size(former))
        self._kept[number] = frame
        while self._used > self._memory and len(self._kept) > 1:
            self._used -= _size(self._kept.popitem(last=False)[1])


def key_positions(clip: Clip) -> list[int]:
    """Numbers of the frames that decoding can begin with, rising, the first of them 0.

    Only 0 where a file does not tell, or where its packets' times are not those that reading it gives.
    """
    if clip.container == "image2":
        return list(range(clip.frame_count))
    container, stream = open_video(clip.path)
    with container:
        if clip.deinterlace or not has_times(container):
            return [0]
        exact = packet_is_frame(container, stream)
        shown = [packet for packet in packets(container, stream, ()) if packet.size and not packet.is_discard]
        times = sorted((packet.pts, packet.is_keyframe) for packet in shown if packet.pts is not None)
    if exact and [pts for pts, _ in times] != list(clip.pts):
        return [0]
    known = {pts for pts, is_key in times if is_key}
    return sorted({0, *(number for number, pts in enumerate(clip.pts) if pts in known)})


def _size(frame: av.VideoFrame) -> int:
    return sum(plane.buffer_size for plane in frame.planes)

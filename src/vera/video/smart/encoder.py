"""New pictures for a smart master: encoded on their own, and decoded once more to know what they must look like."""

import hashlib
from collections.abc import Callable, Collection, Iterator
from typing import Any

import av
from av.video.frame import PictureType

from vera.color.tags import apply_tags
from vera.video import Clip, planes
from vera.video.smart.bits import UnsupportedError
from vera.video.smart.h264 import H264
from vera.video.smart.hevc import Hevc

Edited = Callable[[av.VideoFrame], av.VideoFrame]


class PictureEncoder:
    """The pictures of `frames` at the times `renewed`, each after `edited`, encoded as they are asked for.

    `record`: the stream's header with the parameters of its new pictures. `digests`: by time, what each picture looks
    like when the encoder's own stream is decoded; complete after `finish`. UnsupportedError if the encoder cannot do
    what the stream needs.
    """

    def __init__(
        self,
        clip: Clip,
        stream: H264 | Hevc,
        renewed: Collection[int],
        edited: Edited,
        frames: Iterator[av.VideoFrame],
    ) -> None:
        self._edited = edited
        self._frames = (frame for frame in frames if frame.pts in renewed)
        self._times: list[int] = []
        self._ready: dict[int, bytes] = {}
        self.digests: dict[int, bytes] = {}
        context: Any = av.CodecContext.create(stream.encoder, "w")
        context.width, context.height, context.pix_fmt = clip.width, clip.height, clip.pix_fmt
        context.time_base, context.framerate = 1 / clip.coded_rate, clip.coded_rate
        context.options = stream.options()
        context.max_b_frames = 0
        context.flags |= av.codec.context.Flags.global_header
        apply_tags(clip.color, context)
        try:
            context.open()
        except (av.FFmpegError, ValueError) as error:
            raise UnsupportedError(f"{stream.encoder} does not encode {clip.pix_fmt} with its coding tools") from error
        self._context = context
        self._decoder: Any = av.CodecContext.create(clip.codec, "r")
        self._decoder.extradata = context.extradata
        self.record = stream.adopt(context.extradata)

    def picture(self, time: int) -> bytes:
        """The packet for the frame at `time`; to be asked for every one of them, in decoding order."""
        while time not in self._ready:
            frame = next(self._frames, None)
            if frame is not None:
                assert frame.pts is not None
                self._times.append(frame.pts)
                frame = self._edited(frame)
                frame.pict_type = PictureType.NONE
                frame.pts, frame.time_base = len(self._times) - 1, self._context.time_base
            for packet in self._context.encode(frame):
                self._ready[self._times[packet.pts]] = bytes(packet)
                self._note(self._decoder.decode(packet))
            if frame is None and time not in self._ready:
                raise UnsupportedError("its pictures and their times do not belong together")
        return self._ready.pop(time)

    def finish(self) -> None:
        """Take what the decoder still holds."""
        self._note(self._decoder.decode(None))

    def _note(self, frames: list[av.VideoFrame]) -> None:
        for frame in frames:
            assert frame.pts is not None
            self.digests[self._times[frame.pts]] = digest(frame)


def digest(frame: av.VideoFrame) -> bytes:
    """Of a frame's samples."""
    found = hashlib.blake2b(digest_size=16)
    for plane in planes(frame):
        found.update(plane.tobytes())
    return found.digest()

"""From packets to frames: by the decoder that FFmpeg chooses, or by one that knows more of what the file holds."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
from av.video.stream import VideoStream

from vera.color.tags import apply_tags, color_tags
from vera.video.decoding.exr import read_picture

# FFmpeg's own decoders leave out the alpha that WebM keeps beside the pictures.
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}

Decode = Callable[[Any], list[av.VideoFrame] | None]


def frame_decoder(stream: VideoStream, files: Sequence[Path] = ()) -> Decode:
    """What gives the frames that come out when a packet of `stream` goes in, None if that fails; the last one is empty.

    Its state is that of one run through the packets. `files`: those of an image sequence.
    """
    if stream.codec_context.name == "exr" and files:
        return lambda packet: _exr_frames(packet, files)
    context: Any = None
    name = _WITH_ALPHA.get(stream.codec_context.name)
    if name is not None and any(word.lower() == "alpha_mode" and on == "1" for word, on in stream.metadata.items()):
        context = av.CodecContext.create(name, "r")
        context.extradata = stream.codec_context.extradata
        apply_tags(color_tags(stream.codec_context), context)  # what the file says of them besides the pictures

    def frames(packet: Any) -> list[av.VideoFrame] | None:
        try:
            decoded: list[av.VideoFrame] = (
                context.decode(packet if packet.size else None) if context else packet.decode()
            )
        except av.FFmpegError:
            return None
        return decoded

    return frames


def _exr_frames(packet: Any, files: Sequence[Path]) -> list[av.VideoFrame] | None:
    if not packet.size:
        return []
    frame = read_picture(files[packet.pts])  # image2 counts its pictures
    if frame is None:
        return None
    frame.pts, frame.time_base = packet.pts, packet.time_base
    return [frame]

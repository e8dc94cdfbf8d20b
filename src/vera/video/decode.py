"""From packets to frames: by the decoder that FFmpeg chooses, or by one that knows more of what the file holds."""

from collections.abc import Callable
from typing import Any

import av
from av.video.stream import VideoStream

# FFmpeg's own decoders leave out the alpha that WebM keeps beside the pictures.
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}

Decode = Callable[[Any], list[av.VideoFrame] | None]


def frame_decoder(stream: VideoStream) -> Decode:
    """What gives the frames that come out when a packet of `stream` goes in, None if that fails; the last one is empty.

    Its state is that of one run through the packets.
    """
    context: Any = None
    name = _WITH_ALPHA.get(stream.codec_context.name)
    if name is not None and any(word.lower() == "alpha_mode" and on == "1" for word, on in stream.metadata.items()):
        context = av.CodecContext.create(name, "r")
        context.extradata = stream.codec_context.extradata

    def frames(packet: Any) -> list[av.VideoFrame] | None:
        try:
            decoded: list[av.VideoFrame] = (
                context.decode(packet if packet.size else None) if context else packet.decode()
            )
        except av.FFmpegError:
            return None
        return decoded

    return frames

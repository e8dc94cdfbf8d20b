"""The encoder of a result and its track: size, times, colour tags, orientation, timecode and HDR metadata of a clip."""

import io
from typing import Any

import av
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from vera.color.tags import FULL, apply_tags
from vera.video.carried.hdr import HdrMetadata, encoder_params
from vera.video.carried.matroska import MATROSKA_CODECS, track_header
from vera.video.carried.records import DOLBY_VISION
from vera.video.clip import Clip
from vera.video.codecs import Codec, encoder_pix_fmt
from vera.video.output import ISO_SUFFIXES

# Encoders that write HDR metadata into the pictures, and the option that takes it.
_PARAMS = {"libx264": "x264-params", "libx265": "x265-params"}


def add_pictures(
    container: OutputContainer, clip: Clip, codec: Codec, suffix: str
) -> tuple[VideoStream, VideoCodecContext]:
    """Add a video track as `info` describes it; returns it and the encoder whose packets it takes."""
    options = dict(codec.options)
    if codec.encoder == "libx265":
        options.setdefault("a53cc", "1")  # captions of the frames, as libx264 writes them by default
    hdr = clip.hdr
    records = b"".join(record for name, record in clip.records.items() if name != DOLBY_VISION)  # no encoder writes it
    if hdr is not None and codec.encoder in _PARAMS:
        name = _PARAMS[codec.encoder]
        params = [f"{key}={value}" for key, value in encoder_params(hdr, codec.encoder).items()]
        options[name] = ":".join(filter(None, (options.get(name), *params)))
        hdr = None
    stream: Any
    encoder: Any
    if (hdr or records) and codec.encoder in MATROSKA_CODECS and suffix in (".mkv", *ISO_SUFFIXES):
        header = track_header(codec.encoder, clip.width, clip.height, hdr or HdrMetadata(), records)
        stream, encoder = _with_header(container, clip, codec, options, header, suffix)
    else:
        stream = container.add_stream(codec.encoder, rate=clip.coded_rate, options=options)
        encoder = stream.codec_context
        _configure(encoder, clip, codec, suffix)
    stream.time_base = clip.time_base
    if clip.display_matrix:
        stream.set_display_matrix(clip.display_matrix)
    if clip.timecode and (suffix not in ISO_SUFFIXES or holds_timecode(clip)):
        stream.metadata["timecode"] = clip.timecode
    return stream, encoder


def holds_timecode(clip: Clip) -> bool:
    """Whether a track of timecode, which counts the frames of a second in a byte, can be of a clip's rate."""
    return 1 <= round(clip.average_rate) <= 255


def _with_header(
    container: OutputContainer, clip: Clip, codec: Codec, options: dict[str, str], header: io.BytesIO, suffix: str
) -> tuple[Any, Any]:
    """A track that takes its records from a `header`: PyAV copies such data from tracks, and can't set it."""
    encoder: Any = av.CodecContext.create(codec.encoder, "w")
    encoder.options = options
    _configure(encoder, clip, codec, suffix)
    encoder.flags |= av.codec.context.Flags.global_header
    encoder.open()
    with av.open(header) as described:
        stream: Any = container.add_stream_from_template(described.streams.video[0])
    context = stream.codec_context
    _configure(context, clip, codec, suffix)
    context.codec_tag = encoder.codec_tag
    context.extradata = encoder.extradata
    return stream, encoder


def _configure(context: Any, clip: Clip, codec: Codec, suffix: str) -> None:
    context.width, context.height = clip.width, clip.height
    context.pix_fmt = encoder_pix_fmt(codec, clip.pix_fmt)
    context.framerate = clip.coded_rate
    context.time_base = clip.time_base
    apply_tags(clip.color, context)
    if clip.pix_fmt.startswith("yuvj"):
        context.color_range = FULL
    if clip.sample_aspect != 1:
        context.sample_aspect_ratio = clip.sample_aspect
    if clip.is_vfr or clip.frame_count < 4:
        # With B-frames a packet's length on file is the distance of decoding times, so the last frame's would be wrong;
        # and x265 gives clips shorter than its reordering no valid decoding times.
        context.max_b_frames = 0
    if codec.encoder == "libx265" and suffix in ISO_SUFFIXES:
        context.codec_tag = "hvc1"  # the default, hev1, does not open in Apple's players

"""Write a Matroska header of one track by hand, with its HDR metadata and other records (RFC 9559, 5.1.4.1.28)."""

import io
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import av

from vera.video.carried.hdr import HdrMetadata

# FFmpeg's encoders, and what Matroska calls what they write.
MATROSKA_CODECS = {
    "ffv1": b"V_FFV1",
    "prores_ks": b"V_PRORES",
    "libx264": b"V_MPEG4/ISO/AVC",
    "libx265": b"V_MPEGH/ISO/HEVC",
}
# The way to a track of pictures.
_WAY = {bytes.fromhex(name) for name in ("18538067", "1654AE6B", "AE", "E0")}


def track_header(encoder: str, width: int, height: int, hdr: HdrMetadata, records: bytes = b"") -> io.BytesIO:
    """A file of that one video track and an empty block, for FFmpeg to read `hdr` and `records` from."""
    colour = b""
    if hdr.light_level:
        colour += _element("55BC", _number(hdr.light_level[0])) + _element("55BD", _number(hdr.light_level[1]))
    display = b""
    if hdr.primaries:
        values = [value for point in hdr.primaries for value in point]
        display += b"".join(_element(f"55D{place}", _float(float(v))) for place, v in enumerate(values, start=1))
    if hdr.luminance:
        low, high = hdr.luminance
        display += _element("55D9", _float(float(high))) + _element("55DA", _float(float(low)))
    colour += _element("55D0", display) if display else b""
    video = _element(
        "E0", _element("B0", _number(width)) + _element("BA", _number(height)) + _element("55B0", colour) + records
    )
    name = _element("86", MATROSKA_CODECS[encoder])
    track = _element(
        "AE", _element("D7", _number(1)) + _element("73C5", _number(1)) + _element("83", b"\1") + name + video
    )
    block = _element("1F43B675", _element("E7", _number(0)) + _element("A3", b"\x81\0\0\x80\0"))
    segment = _element("1549A966", _element("2AD7B1", _number(10**6))) + _element("1654AE6B", track) + block
    kind = _element("4282", b"matroska") + _element("4287", b"\4") + _element("4285", b"\2")
    return io.BytesIO(_element("1A45DFA3", kind) + _element("18538067", segment))


def track_elements(stream: Any) -> Iterator[tuple[bytes, bytes]]:
    """Id and bytes of the elements that describe a track of pictures, as FFmpeg writes them into a file in memory.

    None if it can't.
    """
    file = io.BytesIO()
    with suppress(av.FFmpegError, ValueError), av.open(file, "w", format="matroska") as container:
        try:
            container.add_stream_from_template(stream, opaque=True)
        except ValueError:  # PyAV's list of codecs is narrower than what the muxer takes
            with av.open(track_header("ffv1", 16, 16, HdrMetadata())) as header:
                track: Any = container.add_stream_from_template(header.streams.video[0])
            av.BitStreamFilterContext("null", in_stream=stream, out_stream=track)
            track.codec_context.codec_tag = "\0\0\0\0"
        container.start_encoding()
    yield from _elements(file.getvalue())


def _elements(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Id and bytes of each element on the way to a track of pictures, and of those beside it."""
    at = 0
    while at < len(data):
        start = at
        at += 9 - data[at].bit_length()
        name, length = data[start:at], 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + length], "big") & (1 << 7 * length) - 1
        at += length
        end = min(at + size, len(data))
        if name in _WAY:
            yield from _elements(data[at:end])
        yield name, data[start:end]
        at = end


def _element(identity: str, payload: bytes) -> bytes:
    """EBML: id, size in 8 bytes of which the first says so, payload."""
    return bytes.fromhex(identity) + (len(payload) | 1 << 56).to_bytes(8, "big") + payload


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big")


def _float(value: float) -> bytes:
    return struct.pack(">d", value)

"""A Matroska header made by hand, of one track and its HDR metadata (RFC 9559, 5.1.4.1.28)."""

import io
import struct

from vera.video.hdr import HdrMetadata

# FFmpeg's encoders, and what Matroska calls what they write.
MATROSKA_CODECS = {"ffv1": b"V_FFV1", "prores_ks": b"V_PRORES"}


def track_header(encoder: str, width: int, height: int, hdr: HdrMetadata) -> io.BytesIO:
    """A file of that one video track and an empty block, for FFmpeg to read `hdr` from."""
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
    video = _element("E0", _element("B0", _number(width)) + _element("BA", _number(height)) + _element("55B0", colour))
    name = _element("86", MATROSKA_CODECS[encoder])
    track = _element(
        "AE", _element("D7", _number(1)) + _element("73C5", _number(1)) + _element("83", b"\1") + name + video
    )
    block = _element("1F43B675", _element("E7", _number(0)) + _element("A3", b"\x81\0\0\x80\0"))
    segment = _element("1549A966", _element("2AD7B1", _number(10**6))) + _element("1654AE6B", track) + block
    kind = _element("4282", b"matroska") + _element("4287", b"\4") + _element("4285", b"\2")
    return io.BytesIO(_element("1A45DFA3", kind) + _element("18538067", segment))


def _element(identity: str, payload: bytes) -> bytes:
    """EBML: id, size in 8 bytes of which the first says so, payload."""
    return bytes.fromhex(identity) + (len(payload) | 1 << 56).to_bytes(8, "big") + payload


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big")


def _float(value: float) -> bytes:
    return struct.pack(">d", value)

"""NAL units of H.264 and H.265: with and without their emulation prevention, in packets, and what an SEI holds."""

import re
from collections.abc import Iterator

HEADER = 4096  # bytes of a slice that hold its header, whatever its tables
_START_CODE = re.compile(rb"\x00\x00\x01")
_TO_ESCAPE = re.compile(rb"\x00\x00(?=[\x00-\x03])")


def unescape(nal: bytes) -> bytes:
    """A NAL unit without its emulation prevention bytes (H.264, 7.3.1; H.265, 7.3.1.1)."""
    return nal.replace(b"\0\0\3", b"\0\0")


def escape(nal: bytes) -> bytes:
    """A NAL unit with the emulation prevention bytes that it needs: the inverse of `unescape`."""
    return _TO_ESCAPE.sub(b"\0\0\3", nal)


def split_start_codes(data: bytes) -> list[bytes]:
    """NAL units of a byte stream (H.264 and H.265, Annex B), without the zeros around them."""
    ends = [match.start() for match in _START_CODE.finditer(data)]
    return [data[start + 3 : end].rstrip(b"\0") for start, end in zip(ends, [*ends[1:], len(data)], strict=True)]


def split_lengths(data: bytes, length_size: int) -> list[bytes]:
    """NAL units of a sample of .mp4, .mov or .mkv, each behind its length. EOFError if one is cut short."""
    units, position = [], 0
    while position < len(data):
        start = position + length_size
        position = start + int.from_bytes(data[position:start], "big")
        if position > len(data):
            raise EOFError("a packet ends too early")
        units.append(data[start:position])
    return units


def join_lengths(units: list[bytes], length_size: int) -> bytes:
    """Join NAL units, each with its length in front, as MP4 and Matroska store them."""
    return b"".join(len(unit).to_bytes(length_size, "big") + unit for unit in units)


def supplements(unit: bytes, header: int) -> Iterator[tuple[int, bytes]]:
    """Kind and payload of each message in an SEI unit, whose NAL header has `header` bytes."""
    data = unescape(unit)[header:]
    position = 0
    while position + 2 < len(data):  # the last byte ends the unit
        numbers = [0, 0]
        for index in range(2):
            while data[position] == 255:
                numbers[index], position = numbers[index] + 255, position + 1
            numbers[index], position = numbers[index] + data[position], position + 1
        yield numbers[0], data[position : position + numbers[1]]
        position += numbers[1]

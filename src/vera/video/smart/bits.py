"""Bits of H.264 and H.265 headers: Exp-Golomb numbers, and NAL units with and without their emulation prevention."""

import re
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

HEADER = 4096  # bytes of a slice that hold its header, whatever its tables
_START_CODE = re.compile(rb"\x00\x00\x01")
_TO_ESCAPE = re.compile(rb"\x00\x00(?=[\x00-\x03])")


class UnsupportedError(Exception):
    """A kind of stream that cannot be edited in parts; the message, the end of a sentence, says which."""


class _Sps(Protocol):
    @property
    def seq_parameter_set_id(self) -> int: ...


class _Pps(Protocol):
    @property
    def pic_parameter_set_id(self) -> int: ...
    @property
    def seq_parameter_set_id(self) -> int: ...


S = TypeVar("S", bound=_Sps)
P = TypeVar("P", bound=_Pps)


def pair_sets(sequences: Iterable[S], pictures: Iterable[P]) -> dict[int, tuple[S, P]]:
    """Each picture parameter set by its number, with the sequence's that it names.

    UnsupportedError unless there is one of the sequence, and one of a picture for it.
    """
    by_number = {sps.seq_parameter_set_id: sps for sps in sequences}
    sets = {
        pps.pic_parameter_set_id: (by_number[pps.seq_parameter_set_id], pps)
        for pps in pictures
        if pps.seq_parameter_set_id in by_number
    }
    if len(by_number) != 1 or not sets:
        raise UnsupportedError("its stream changes its format on the way")
    return sets


class BitReader:
    """Reads fixed-length and Exp-Golomb numbers (ITU-T H.264, 9.1) from bytes without emulation prevention.

    EOFError past the end.
    """

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._size = 8 * len(data)
        self.position = 0

    def bits(self, count: int) -> int:
        """Read u(count)."""
        self.position += count
        if self.position > self._size:
            raise EOFError("a header ends too early")
        return self._value >> (self._size - self.position) & ((1 << count) - 1)

    def flag(self) -> bool:
        """Read u(1)."""
        return bool(self.bits(1))

    def ue(self) -> int:
        """Read ue(v)."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
        return (1 << zeros) - 1 + self.bits(zeros)

    def se(self) -> int:
        """Read se(v)."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)

    def skip(self, kinds: str) -> None:
        """Read over `ue`, `se` and `u1`, in the order named."""
        for kind in kinds.split():
            {"ue": self.ue, "se": self.se, "u1": self.flag}[kind]()

    def between(self, start: int, end: int) -> "Bits":
        """What was read from `start` to `end`, as it stands."""
        return Bits(self._value >> (self._size - end) & ((1 << (end - start)) - 1), end - start)


class Bits:
    """A string of bits that grows at its end."""

    def __init__(self, value: int = 0, size: int = 0) -> None:
        self.value, self.size = value, size

    def put(self, value: int, count: int) -> "Bits":
        """Add u(count)."""
        self.value = self.value << count | value
        self.size += count
        return self

    def ue(self, value: int) -> "Bits":
        """Add ue(v)."""
        return self.put(value + 1, 2 * (value + 1).bit_length() - 1)

    def se(self, value: int) -> "Bits":
        """Add se(v)."""
        return self.ue(2 * value - 1 if value > 0 else -2 * value)

    def extend(self, other: "Bits") -> "Bits":
        """Add other bits as they stand."""
        return self.put(other.value, other.size)

    def align(self, filler: int) -> "Bits":
        """Fill the last byte with ones (`filler` 1) or zeros."""
        missing = -self.size % 8
        return self.put((1 << missing) - 1 if filler else 0, missing)

    def __bytes__(self) -> bytes:
        return self.value.to_bytes(self.size // 8, "big")


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

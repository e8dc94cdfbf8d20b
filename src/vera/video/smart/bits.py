"""Bits of H.264 and H.265 headers, read and written: fixed lengths and Exp-Golomb numbers."""


class UnsupportedError(Exception):
    """A kind of stream that cannot be edited in parts; the message, the end of a sentence, says which."""


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

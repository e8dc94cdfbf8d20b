"""Small .mov files taken apart and put together again, box by box. Their header must come last."""

import struct


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and body of the boxes of a .mov file, one level of them."""
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + size]))
        at += size
    return found


def with_edits(data: bytes, edits: list[tuple[float, float]], movie: int = 0, ticks: int = 0) -> bytes:
    """A .mov file, whose header comes last, with the edit list (start, length in seconds) for each of its tracks."""
    parts = []
    for kind, body in boxes(data):
        if kind == b"moov":
            (movie,) = struct.unpack_from(">I", dict(boxes(body))[b"mvhd"], 12)
        elif kind == b"trak":
            (ticks,) = struct.unpack_from(">I", dict(boxes(dict(boxes(body))[b"mdia"]))[b"mdhd"], 12)
        if kind in (b"moov", b"trak", b"edts"):
            body = with_edits(body, edits, movie, ticks)
        elif kind == b"elst":
            first = max(struct.unpack_from(">i", body, 12 + 12 * number)[0] for number in range(body[7]))
            rows = [(round(length * movie), first + round(start * ticks), 65536) for start, length in edits]
            body = struct.pack(">II", 0, len(rows)) + b"".join(struct.pack(">IiI", *row) for row in rows)
        elif kind in (b"tkhd", b"mvhd"):
            at = 20 if kind == b"tkhd" else 16
            body = body[:at] + struct.pack(">I", round(sum(length for _, length in edits) * movie)) + body[at + 4 :]
        parts.append(struct.pack(">I4s", 8 + len(body), kind) + body)
    return b"".join(parts)


def with_record(data: bytes, record: bytes) -> bytes:
    """A .mov file with the box `record` at the end of the description of its first track's pictures."""
    parts, done = [], False
    for kind, body in boxes(data):
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl") and not done:
            body = with_record(body, record)
            done = kind == b"trak"
        elif kind == b"stsd":
            entry = body[8:]
            body = body[:8] + struct.pack(">I", len(entry) + len(record)) + entry[4:] + record
        parts.append(struct.pack(">I4s", 8 + len(body), kind) + body)
    return b"".join(parts)


def dolby_vision() -> bytes:
    """The box of a Dolby Vision record of profile 8.4."""
    return struct.pack(">I4s", 32, b"dvvC") + bytes([1, 0, 8 << 1, 5 << 3 | 0b101, 4 << 4]) + bytes(19)


def clean_aperture(width: int, height: int) -> bytes:
    """The box that says that only the middle of the pictures is to be seen."""
    return struct.pack(">I4sIIIIiIiI", 40, b"clap", width, 1, height, 1, 0, 1, 0, 1)

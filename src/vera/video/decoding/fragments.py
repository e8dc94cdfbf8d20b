"""Fragmented .mp4, as recorders and live streams write it: what is whole of a file that is cut off or has gaps.

After the header such a file goes on in fragments, each a box `moof` that says what is in the box `mdat` after it
(ISO/IEC 14496-12, 8.8); so it plays up to wherever it ends, and FFmpeg does not say that anything is missing.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_STARTS = (b"ftyp", b"styp", b"moov")


@dataclass(frozen=True)
class Fragments:
    """What of a fragmented file is whole: all before byte `end`; `cut`: it ends within a fragment.

    `missing`: how many fragments are not there between others, by the numbers that they have.
    """

    end: int
    cut: bool
    missing: int

    @property
    def damage(self) -> str | None:
        """What is wrong, in words; None if nothing."""
        said = []
        if self.missing:
            said.append(f"{self.missing} of its fragments {'is' if self.missing == 1 else 'are'} missing in between")
        if self.cut:
            said.append("it is cut off within a fragment, and ends with the one before")
        return " and ".join(said) or None


def read_fragments(path: Path) -> Fragments | None:
    """Read which boxes a file has; None unless it is an .mp4 or the like that has fragments."""
    with suppress(OSError), path.open("rb") as file:
        size = path.stat().st_size
        end = missing = 0
        number: int | None = None
        cut = False
        for start, stop, kind in _boxes(file, size):
            if start == 0 and kind not in _STARTS:
                return None
            if kind == b"moof":
                own = _number(file, start)
                if number is not None and own is not None and own > number + 1:
                    missing += own - number - 1
                number = own
            cut = stop > size or kind == b"moof"
            # An index after fragments of which some are missing is wrong.
            if not cut and not (kind == b"mfra" and missing):
                end = stop
        return None if number is None else Fragments(end, cut, missing)
    return None


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield start, end and kind of each box of the file itself, also of one that goes on beyond its end."""
    start = 0
    while start < size:
        file.seek(start)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        stop = size if length == 0 else start + length
        if len(head) < 8 or stop < start + 8:
            yield start, size + 1, b""  # half a head, or none
            return
        yield start, stop, head[4:8]
        start = stop


def _number(file: BinaryIO, start: int) -> int | None:
    """The number of a fragment: in its first box."""
    file.seek(start + 8)
    head = file.read(16)
    return int.from_bytes(head[12:16], "big") if head[4:8] == b"mfhd" and len(head) == 16 else None

"""PCM without holes: .mp4 and .mov hold its samples one after the other, and no times between."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

_NAME = re.compile(r"pcm_(?:[suf](8|16|24|32|64)(?:le|be)?|mulaw|alaw)")
_QUIET = {"pcm_u8": b"\x80", "pcm_mulaw": b"\xff", "pcm_alaw": b"\xd5"}
# Seconds, half a frame at 25/s: less is how files round times, or a recorder's clock that drifts.
_STEP = Fraction(1, 50)


@dataclass(frozen=True)
class Pcm:
    """Samples of a track a second, bytes of one of all its channels, and the byte of silence."""

    rate: int
    block: int
    silence: bytes


def pcm_of(stream: Any) -> Pcm | None:
    """Describe a track of PCM; None for others, and for kinds whose packets have headers."""
    codec = getattr(stream, "codec_context", None)
    found = None if codec is None or stream.type != "audio" else _NAME.fullmatch(codec.name)
    if codec is None or found is None or not codec.sample_rate:
        return None
    size = int(found[1] or 8) // 8
    return Pcm(codec.sample_rate, size * codec.channels, _QUIET.get(codec.name, b"\0"))


def evened(pcm: Pcm, end: Fraction, time: Fraction, data: bytes) -> Iterator[tuple[Fraction, bytes]]:
    """Yield times and samples of a packet at `time` so that they follow what ends at `end`, in seconds.

    Silence stands for what is missing before it, a second at a time, and what is there already is left out.
    """
    step = round((time - end) * pcm.rate)
    if abs(step) <= _STEP * pcm.rate:
        step = 0
    while step > 0:
        count = min(step, pcm.rate)
        yield end, pcm.silence * (count * pcm.block)
        end += Fraction(count, pcm.rate)
        step -= count
    if data := data[-step * pcm.block :]:
        yield end, data


def end_of(pcm: Pcm, time: Fraction, data: bytes) -> Fraction:
    """Say when samples at `time` end."""
    return time + Fraction(len(data) // pcm.block, pcm.rate)

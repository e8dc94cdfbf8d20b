"""Timecode: frame numbers as HH:MM:SS:FF and back (SMPTE ST 12-1), with dropped numbers where the footage has them."""

import re
from fractions import Fraction

_FORM = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})([:;.])([0-9]{2,4})")


def parse_timecode(text: str | None, rate: Fraction) -> tuple[int, bool]:
    """Frames since midnight, and whether numbers are dropped (`;` before the frames). (0, False) for what is none."""
    match = _FORM.fullmatch(text or "")
    if match is None:
        return 0, False
    hours, minutes, seconds, frames = (int(match[group]) for group in (1, 2, 3, 5))
    nominal = max(1, round(rate))
    drop = match[4] != ":" and nominal % 30 == 0
    count = ((hours * 60 + minutes) * 60 + seconds) * nominal + frames
    if drop:
        total = hours * 60 + minutes
        count -= _dropped(nominal) * (total - total // 10)
    return count, drop


def format_timecode(frame: int, rate: Fraction, drop: bool = False) -> str:
    """HH:MM:SS:FF of a frame since midnight; past midnight it starts again at 0."""
    nominal = max(1, round(rate))
    if drop:
        # Each minute but every tenth skips its first numbers, so ten minutes hold so many frames:
        dropped = _dropped(nominal)
        in_minute = nominal * 60 - dropped
        tens, rest = divmod(frame, in_minute * 10 + dropped)
        frame += dropped * (9 * tens + max(0, rest - dropped) // in_minute)
    seconds, frames = divmod(frame, nominal)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours % 24:02}:{minutes:02}:{seconds:02}{';' if drop else ':'}{frames:02}"


def _dropped(nominal: int) -> int:
    """Two numbers a minute at 29.97 frames a second, four at 59.94."""
    return nominal // 15

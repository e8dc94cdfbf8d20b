"""Rates of image sequences as people write them."""

import re
from fractions import Fraction

from vera.errors import VeraError

# As people write the rates of television.
_RATES = {text: Fraction(round(float(text)) * 1000, 1001) for text in ("23.976", "23.98", "29.97", "47.952", "59.94")}
# Of so many digits that every number can be counted with.
_RATE = re.compile(r"\d{1,9}(\.\d{0,99}|/0*[1-9]\d{0,8})?", re.ASCII)


def parse_rate(text: str) -> Fraction:
    """Parse pictures a second such as 25, 23.976 or 24000/1001; VeraError for anything else."""
    rate = _RATES.get(text) or Fraction(text if _RATE.fullmatch(text) else 0)
    if not 0 < rate <= 1000:
        raise VeraError(f"a rate is in pictures a second, such as 25 or 24000/1001, not {text!r:.80}")
    return rate

"""Rates as people write them, and texts that are none."""

from fractions import Fraction

import pytest

from vera.errors import VeraError
from vera.video.rates import parse_rate


def test_rates_of_television() -> None:
    rates = [parse_rate(text) for text in ("23.976", "29.97", "59.94", "25", "12.5")]
    assert rates == [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001), 25, Fraction(25, 2)]


@pytest.mark.faults
@pytest.mark.parametrize(
    "text", ["1e999999999", "9" * 5000, "1e-999999999", "1/0", "1/" + "9" * 5000, "nan", "0", "-1"]
)
def test_numbers_that_would_take_all_memory_are_no_rates(text: str) -> None:
    with pytest.raises(VeraError, match="a rate is") as error:
        parse_rate(text)
    assert len(str(error.value)) < 200

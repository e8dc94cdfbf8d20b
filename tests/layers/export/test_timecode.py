"""Timecode, against OpenTimelineIO's."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentimelineio.opentime import RationalTime

from vera.layers.export.timecode import format_timecode, parse_timecode

NTSC = [Fraction(30000, 1001), Fraction(60000, 1001)]
RATES = [Fraction(24), Fraction(25), Fraction(30), Fraction(50), Fraction(60), Fraction(24000, 1001), *NTSC]


@given(st.sampled_from(RATES), st.booleans(), st.data())
def test_frame_to_timecode_and_back(rate: Fraction, drop: bool, data: st.DataObject) -> None:
    drop = drop and rate in NTSC
    frame = data.draw(st.integers(0, int(23 * 3600 * rate)))
    text = format_timecode(frame, rate, drop)
    assert text == RationalTime(frame, float(rate)).to_timecode(float(rate), drop_frame=drop)
    assert parse_timecode(text, rate) == (frame, drop)


def test_ten_minutes_of_dropped_numbers() -> None:
    assert format_timecode(1799, NTSC[0], True) == "00:00:59;29"
    assert format_timecode(1800, NTSC[0], True) == "00:01:00;02"
    assert format_timecode(17982, NTSC[0], True) == "00:10:00;00"
    assert format_timecode(24 * 3600 * 25, Fraction(25)) == "00:00:00:00"  # midnight


@pytest.mark.parametrize("text", [None, "", "12:00", "a:b:c:d", "1:2:3:4"])
def test_what_is_no_timecode_starts_at_zero(text: str | None) -> None:
    assert parse_timecode(text, Fraction(25)) == (0, False)

"""Bits of headers: what is written is read again, and NAL units come apart as they went together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera.video.smart.bits import BitReader, Bits
from vera.video.smart.nal import escape, join_lengths, split_lengths, split_start_codes, supplements, unescape

# Bytes that emulation prevention is about, and some others.
telling = st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 255]), max_size=40).map(bytes)


@given(st.lists(st.tuples(st.sampled_from(["ue", "se", "bits"]), st.integers(0, 70000)), max_size=20))
def test_numbers_are_read_as_they_were_written(fields: list[tuple[str, int]]) -> None:
    bits = Bits()
    for kind, value in fields:
        if kind == "ue":
            bits.ue(value)
        elif kind == "se":
            bits.se(value - 35000)
        else:
            bits.put(value, 17)
    reader = BitReader(bytes(bits.align(1)))
    for kind, value in fields:
        read = {"ue": reader.ue, "se": reader.se, "bits": lambda: reader.bits(17)}[kind]()
        assert read == (value - 35000 if kind == "se" else value)


def test_numbers_of_the_standard() -> None:
    """H.264, tables 9-2 and 9-3: codes 1, 010, 011, 00100 are 0 to 3, or 0, 1, -1, 2."""
    code = int("1" + "010" + "011" + "00100" + "0000", 2).to_bytes(2, "big")
    unsigned, signed = BitReader(code), BitReader(code)
    assert [unsigned.ue() for _ in range(4)] == [0, 1, 2, 3]
    assert [signed.se() for _ in range(4)] == [0, 1, -1, 2]
    assert unsigned.between(1, 4).value == 0b010
    with pytest.raises(EOFError):
        unsigned.bits(9)


@given(telling)
def test_escaped_units_hold_no_start_code_and_come_back(data: bytes) -> None:
    unit = data + b"\x80"
    escaped = escape(unit)
    assert unescape(escaped) == unit
    assert not any(code in escaped for code in (b"\0\0\0", b"\0\0\1", b"\0\0\2"))


@given(st.lists(telling.map(lambda data: escape(b"\x65" + data + b"\x80")), min_size=1, max_size=4))
def test_units_come_apart(units: list[bytes]) -> None:
    for size in (2, 4):
        assert split_lengths(join_lengths(units, size), size) == units
    assert split_start_codes(b"\0" + b"".join(b"\0\0\1" + unit for unit in units)) == units
    assert split_start_codes(b"".join(b"\0\0\0\1" + unit for unit in units)) == units
    with pytest.raises(EOFError):
        split_lengths(join_lengths(units, 4)[:-1], 4)


def test_supplements() -> None:
    """Kinds and sizes of 255 and more are sums (H.264, 7.3.2.3.1)."""
    unit = b"\x06" + bytes([6, 2]) + b"ab" + bytes([255, 3, 255, 1]) + b"c" * 256 + b"\x80"
    assert list(supplements(unit, 1)) == [(6, b"ab"), (258, b"c" * 256)]

"""Parameter sets, and the records of MP4 and Matroska that hold a stream's: avcC and hvcC (ISO/IEC 14496-15)."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from vera.video.smart.bits import UnsupportedError


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


def _split_record(record: bytes, position: int, count: int) -> tuple[list[bytes], int]:
    """`count` parameter sets of an avcC or hvcC record from `position` on, each behind its length; where they end."""
    units = []
    for _ in range(count):
        size = int.from_bytes(record[position : position + 2], "big")
        units.append(record[position + 2 : position + 2 + size])
        position += 2 + size
    return units, position


def unit_length_size(record: bytes, shortest: int, place: int) -> int:
    """Bytes of the length before each unit, as the record tells at `place`.

    UnsupportedError for what is no record of version 1, which has `shortest` bytes at least.
    """
    if len(record) < shortest or record[0] != 1:
        raise UnsupportedError("its stream is not stored as MP4 and Matroska store it")
    return 1 + (record[place] & 3)


def record_units(record: bytes) -> tuple[list[bytes], int, int]:
    """Parameter sets of an avcC record, where it counts the PPS, and where these end."""
    units: list[bytes] = []
    position, counts = 5, []
    for mask in (31, 255):
        counts.append(position)
        position += 1
        found, position = _split_record(record, position, record[counts[-1]] & mask)
        units += found
    if position > len(record) or not all(units):
        raise EOFError("an avcC record ends too early")
    return units, counts[1], position


def record_arrays(record: bytes) -> list[tuple[int, list[bytes]]]:
    """The arrays of an hvcC record: first byte, parameter sets."""
    arrays: list[tuple[int, list[bytes]]] = []
    position = 23
    for _ in range(record[22]):
        head, count = record[position], int.from_bytes(record[position + 1 : position + 3], "big")
        units, position = _split_record(record, position + 3, count)
        arrays.append((head, units))
    if position > len(record) or not all(unit for _, array in arrays for unit in array):
        raise EOFError("an hvcC record ends too early")
    return arrays


def write_arrays(arrays: list[tuple[int, list[bytes]]]) -> bytes:
    """Write the arrays of an hvcC record, after its head."""
    data = bytes([len(arrays)])
    for head, units in arrays:
        data += bytes([head]) + len(units).to_bytes(2, "big")
        data += b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)
    return data

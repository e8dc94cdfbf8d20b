"""Masks as text: COCO's compressed run lengths, as pycocotools writes them."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError

Mask = NDArray[np.bool_]
_FIRST = 48  # of the letters, each of which holds five bits and whether more follow
_MORE, _SIGN, _BITS = 0x20, 0x10, 0x1F
_MOST = 13  # letters of a number of 64 bits


def encode_mask(mask: Mask) -> str:
    """Write bool `[H,W]` as COCO's `counts`: lengths of runs down the columns, the first of what is false."""
    return _letters(run_lengths(mask.ravel(order="F")))


def decode_mask(counts: str, shape: tuple[int, int]) -> Mask:
    """Read COCO's `counts` as bool `[H,W]` of that shape. VeraError if they are none, or of another size."""
    runs = _numbers(counts)
    if any(run < 0 for run in runs) or sum(runs) != shape[0] * shape[1]:
        raise VeraError(f"a mask's counts are not of {shape[1]}x{shape[0]} pixels; is it of another clip?")
    return from_runs(runs).reshape(shape, order="F")


def run_lengths(flat: Mask) -> list[int]:
    """Lengths of the runs of a bool vector, the first of what is false: 0 if it begins with true."""
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return [0, *runs] if flat.size and flat[0] else [int(run) for run in runs]


def from_runs(runs: Sequence[int]) -> Mask:
    """The bool vector of such runs."""
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs)


def _letters(runs: Sequence[int]) -> str:
    """From the fourth on, numbers are differences from the last but one."""
    steps = (run - runs[index - 2] if index > 2 else run for index, run in enumerate(runs))
    return "".join(letter for step in steps for letter in _spelled(step))


def _spelled(number: int) -> Iterator[str]:
    while True:
        bits, number = number & _BITS, number >> 5
        more = number != (-1 if bits & _SIGN else 0)
        yield chr(_FIRST + (bits | (_MORE if more else 0)))
        if not more:
            return


def _numbers(counts: str) -> list[int]:
    runs: list[int] = []
    for step in _steps(counts):
        runs.append(step + runs[-2] if len(runs) > 2 else step)
    return runs


def _steps(counts: str) -> Iterable[int]:
    number = place = 0
    for letter in counts:
        value = ord(letter) - _FIRST
        if not 0 <= value < 2 * _MORE or place >= _MOST:
            raise VeraError("a mask's counts are no compressed run lengths of COCO")
        number |= (value & _BITS) << 5 * place
        place += 1
        if not value & _MORE:
            yield number - (1 << 5 * place if value & _SIGN else 0)
            number = place = 0
    if place:
        raise VeraError("a mask's counts are cut short")

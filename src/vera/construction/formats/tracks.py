"""Masks of the objects of a clip, as all formats are read and written."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Track:
    """An object: what it is, and its masks, bool `[T,H,W]`."""

    noun: str
    masks: NDArray[np.bool_]


@dataclass(frozen=True)
class ClipTracks:
    """A clip's name, and its objects, whose masks have one shape `[T,H,W]`."""

    name: str
    shape: tuple[int, int, int]
    tracks: Sequence[Track] = ()

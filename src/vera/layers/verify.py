"""Counting what changed where nothing should have: the preserved region, sample by sample in the native planes."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vera.errors import VeraError
from vera.layers.composite import check_belongs
from vera.layers.layered_edit import LayeredEdit
from vera.layers.planes import INTERLEAVED, components, convert_layer
from vera.video import FrameReader, MediaInfo, probe
from vera.video.codecs import FULL_RANGE_TWINS


@dataclass(frozen=True)
class VerifyReport:
    """Counts over all samples (Y, Cb, Cr or R, G, B) of all frames; differences in code values."""

    frames: int
    samples: int
    preserved: int
    changed: int
    max_difference: int
    psnr: float  # of the preserved samples in dB; infinite if none changed


def verify(source: str | Path, result: str | Path, edit: LayeredEdit) -> VerifyReport:
    """Compare `result` with `source` wherever `edit` has no coverage.

    A sample is preserved if its alpha, averaged over the sample's area for chroma, is exactly 0. Raises VeraError if
    the clips do not have the same frames, size, pixel format and times (to 1 ms, as Matroska stores them).
    """
    before, after = probe(source), probe(result)
    index_of = check_belongs(edit, before)
    _check_comparable(before, after)
    samples = preserved = changed = largest = 0
    squared = 0.0
    shift = INTERLEAVED.get(before.pix_fmt, 0)
    with FrameReader(source) as sources, FrameReader(result) as results:
        for original, edited in zip(sources, results, strict=True):
            index = None if original.pts is None else index_of.get(original.pts)
            layers = [] if index is None else convert_layer(*edit.coded_frame(index, before), original)
            pairs = zip(components(original), components(edited), strict=True)
            for number, (one, other) in enumerate(pairs):
                kept = np.ones(one.shape, bool)
                if layers:
                    layer = layers[number]
                    kept[layer.box] = layer.alpha == 0
                difference = np.abs(other.astype(np.int32) - one)[kept] >> shift
                samples += one.size
                preserved += difference.size
                changed += int(np.count_nonzero(difference))
                largest = max(largest, int(difference.max(initial=0)))
                squared += float(np.square(difference, dtype=np.float64).sum())
    peak = 2**before.bit_depth - 1
    psnr = 10 * math.log10(peak**2 * preserved / squared) if squared else math.inf
    return VerifyReport(before.frame_count, samples, preserved, changed, largest, psnr)


def _check_comparable(source: MediaInfo, result: MediaInfo) -> None:
    for name in ("width", "height", "pix_fmt", "frame_count"):
        one, other = getattr(source, name), getattr(result, name)
        if FULL_RANGE_TWINS.get(one, one) != FULL_RANGE_TWINS.get(other, other):
            raise VeraError(f"{result.path}: has {name} {other}, the source {one}; it is not an edit of {source.path}")
    for one, other in zip(source.pts, result.pts, strict=True):
        if abs(one * source.time_base - other * result.time_base) > 0.001:
            raise VeraError(f"{result.path}: its frame times differ from those of {source.path}")

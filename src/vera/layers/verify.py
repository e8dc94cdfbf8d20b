"""Verification of each guarantee: what changed where nothing should have, in samples, packets and whole files."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.layers.composite import check_belongs, place
from vera.layers.layered_edit import LayeredEdit
from vera.layers.masters import MASTERS
from vera.layers.stack import Stack
from vera.progress import Progress
from vera.video import Clip, ClipLike, as_clip, open_clip
from vera.video.carried.kept import compare_films
from vera.video.codecs import FULL_RANGE_TWINS
from vera.video.components import INTERLEAVED, components
from vera.video.formats import is_float
from vera.video.smart.bits import UnsupportedError
from vera.video.smart.master import PacketReport, compare_packets, plan_smart


@dataclass(frozen=True)
class VerifyReport:
    """Counts over all samples (Y, Cb, Cr or R, G, B, and alpha) of all frames; differences in code values.

    Floats are compared bit by bit, their differences are of light, and the PSNR takes 1 for the peak.
    `guarantee` is the one that was asked for; `broken` says why it does not hold, None if it does. Of a smart master's
    `packets`, `kept` are the source's own, byte for byte. `lost`: a line for each thing besides samples that such
    a file can't hold (see `compare_films`).
    """

    frames: int
    samples: int
    preserved: int
    changed: int
    max_difference: float
    psnr: float  # of the preserved samples in dB; infinite if none changed
    guarantee: str = "exact"
    broken: str | None = None
    packets: int = 0
    kept: int = 0
    lost: tuple[str, ...] = ()


def verify(
    source: ClipLike,
    result: str | Path,
    edit: LayeredEdit | Stack,
    guarantee: str = "exact",
    force: bool = False,
    progress: Progress | None = None,
    seen: Callable[[int, NDArray[np.bool_]], None] | None = None,
) -> VerifyReport:
    """Compare `result` with `source` wherever `edit` has no coverage, and say whether the guarantee holds.

    A sample is preserved if its alpha, averaged over the sample's area for chroma, is exactly 0. "exact": no preserved
    sample changed. "smart": all packets are the source's, but those that the edit must change, and decode to the
    source's samples. "delivery": samples are only measured. All of them keep when and how the clip is shown, and its
    sound (`compare_films`). `seen` is called, where preserved samples of a frame's component changed, with the frame's
    number and the map `[h,w]` of these. VeraError if the clips do not have the same frames, size, pixel format and
    times (to 1 ms), or the layers are another clip's and not `force`.
    """
    if guarantee not in MASTERS:
        raise VeraError(f"no master is named {guarantee!r}; choose from {', '.join(MASTERS)}")
    before = as_clip(source)
    after = open_clip(Path(result), rate=before.average_rate)
    placed = place(edit, before, force)
    _check_comparable(before, after)
    packets, renewed = PacketReport(0, 0, None), frozenset[int]()
    if guarantee == "smart":
        packets, renewed = _check_packets(before, after, placed.times())
    samples = preserved = changed = untouched = 0
    largest, squared = 0, 0.0
    shift = INTERLEAVED.get(before.pix_fmt, 0)
    with before.frames() as sources, after.frames() as results:
        for count, (original, edited) in enumerate(zip(sources, results, strict=True)):
            layers = placed.layers(original)
            pairs = zip(components(original), components(edited), strict=True)
            for number, (one, other) in enumerate(pairs):
                kept = np.ones(one.shape, bool)
                for layer in (parts[number] for parts in layers):
                    kept[layer.box] &= layer.alpha == 0
                difference, unlike = _compare(one[kept], other[kept], shift)
                samples += one.size
                preserved += difference.size
                changed += unlike
                untouched += unlike if original.pts not in renewed else 0
                largest = max(largest, difference.max(initial=0).item())
                if seen is not None and unlike:
                    seen(count, kept & _unlike(one, other))
                squared += float(np.square(difference, dtype=np.float64).sum())
            if progress is not None:
                progress("verify", count + 1, before.frame_count)
    peak = 1 if is_float(before.pix_fmt) else 2**before.bit_depth - 1
    psnr = 10 * math.log10(peak**2 * preserved / squared) if squared else math.inf
    films = compare_films(before, after, guarantee == "smart")
    broken = packets.broken or next(iter(films.not_kept), None)
    if broken is None and guarantee != "delivery" and untouched:
        broken = f"{untouched:,} samples changed that the {guarantee} master keeps"
    return VerifyReport(
        before.frame_count,
        samples,
        preserved,
        changed,
        largest,
        psnr,
        guarantee,
        broken,
        packets.packets,
        packets.kept,
        films.lost,
    )


def verify_layers(source: ClipLike, edit: LayeredEdit, force: bool = False) -> None:
    """VeraError unless `source` is, byte for byte, the file that the layers were made for, and they can all be read.

    This is the guarantee of layers that are laid over the user's own file: it is as it was, and they fit.
    """
    clip = as_clip(source)
    if not isinstance(edit.metadata.get("source"), Mapping) and not force:
        raise VeraError(f"the layers do not record what they were made for, so {clip.path} cannot be told from another")
    for index in check_belongs(edit, clip, force).values():
        edit.frame(index, edit.size)


def _compare(one: NDArray[Any], other: NDArray[Any], shift: int) -> tuple[NDArray[Any], int]:
    """How far samples are from each other, and how many of them are not the same."""
    if one.dtype.kind != "f":
        difference = np.abs(other.astype(np.int32) - one) >> shift
        return difference, int(np.count_nonzero(difference))
    with np.errstate(invalid="ignore"):
        apart = np.nan_to_num(np.abs(other.astype(np.float64) - one), posinf=float(np.finfo(np.float32).max))
    return apart, int(np.count_nonzero(_unlike(one, other)))


def _unlike(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    """Which samples are not the same, floats bit by bit."""
    if one.dtype.kind == "f":
        bits = np.dtype(f"u{one.itemsize}")
        one, other = (np.ascontiguousarray(samples).view(bits) for samples in (one, other))
    return np.asarray(one != other)


def _check_packets(source: Clip, result: Clip, changed: Collection[int]) -> tuple[PacketReport, frozenset[int]]:
    try:
        plan = plan_smart(source.path, result.path.suffix, changed)
    except UnsupportedError as reason:
        return PacketReport(0, 0, f"it cannot be a smart master: {reason}"), frozenset()
    return compare_packets(source.path, result.path, plan.renewed, source.clock), plan.renewed


def _check_comparable(source: Clip, result: Clip) -> None:
    for name in ("width", "height", "pix_fmt", "frame_count"):
        one, other = getattr(source, name), getattr(result, name)
        if FULL_RANGE_TWINS.get(one, one) != FULL_RANGE_TWINS.get(other, other):
            raise VeraError(f"{result.path}: has {name} {other}, the source {one}; it is not an edit of {source.path}")
    for one, other in zip(source.pts, result.pts, strict=True):
        if abs(one * source.time_base - source.clock - other * result.time_base) > 0.001:
            raise VeraError(f"{result.path}: its frame times differ from those of {source.path}")

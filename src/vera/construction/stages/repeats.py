"""Clips that are near repeats of others, by hashes of their pictures."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

BITS = 64
NEAR = 6  # bits of 64 in which near copies may differ; unlike pictures differ in about 32
BANDS = NEAR + 1  # of 6 bits that differ, one of 7 parts of the hash has none


def find_repeats(hashes: Mapping[str, Sequence[int]], kept: Collection[str], near: int = NEAR) -> dict[str, str | None]:
    """For each clip the earlier one that it repeats, or None: all its `hashes` are within `near` bits of the other's.

    `hashes` has the same number of 64-bit hashes for each clip. Earlier are those that are `kept` already, then those
    whose names come first: so what was kept before stays, whatever is added.
    """
    found: dict[str, str | None] = {}
    buckets: dict[tuple[int, int], list[str]] = defaultdict(list)
    for name in sorted(hashes, key=lambda name: (name not in kept, name)):
        bands = list(_bands(hashes[name][0]))
        others = sorted({other for band in bands for other in buckets[band]})
        found[name] = next((other for other in others if _repeats(hashes[name], hashes[other], near)), None)
        if found[name] is None:
            for band in bands:
                buckets[band].append(name)
    return found


def _bands(value: int) -> Iterator[tuple[int, int]]:
    """The parts of a hash, with their places: near ones have at least one in common."""
    edges = [BITS * band // BANDS for band in range(BANDS + 1)]
    for band in range(BANDS):
        width = edges[band + 1] - edges[band]
        yield band, value >> edges[band] & ((1 << width) - 1)


def _repeats(one: Sequence[int], other: Sequence[int], near: int) -> bool:
    return all((a ^ b).bit_count() <= near for a, b in zip(one, other, strict=True))

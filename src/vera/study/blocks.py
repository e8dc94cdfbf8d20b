"""Which cases and baselines a rater meets: incomplete blocks that are balanced over raters."""

from math import gcd

from vera.errors import VeraError


def block(slot: int, cases: int, baselines: int, trials: int) -> list[tuple[int, int]]:
    """Return the pairs (case, baseline) of the rater in place `slot`, no case twice.

    Over the first raters, whatever their number, no case, no baseline and no pair of them was met more than once more
    than any other of its kind; within a rater baselines differ by two at most, and by one unless the block passes the
    end of the cases. VeraError for more trials than cases.
    """
    if trials > cases:
        raise VeraError(f"design: {trials} trials a rater, but {cases} cases, of which a rater meets each once")
    # Laps over the cases go on with the baselines where the last lap stopped. Where that would come back to the same
    # baseline for a case before all were met, it steps on by one.
    laps = baselines // gcd(cases, baselines)
    pairs = []
    for place in range(slot * trials, (slot + 1) * trials):
        lap, case = divmod(place, cases)
        pairs.append((case, (place + lap // laps) % baselines))
    return pairs

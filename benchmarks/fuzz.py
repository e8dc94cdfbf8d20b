"""500 damaged files of six containers through `vera composite`: exit codes, the longest, the memory, broken rules.

A rule is broken by a trace, by an exit code other than 0, 2 or 3, by anything half-written, by more than 30 s or 2 GiB.
Run from the repository's root: python -m benchmarks.fuzz [COUNT]
"""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.video.fuzzing import fuzz


def main(count: int = 500) -> int:
    codes: Counter[int] = Counter()
    peak, longest, broken = 0, 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        before = time.monotonic()
        for outcome in fuzz(Path(folder), list(range(count))):
            now = time.monotonic()
            # The first is charged with the making of the clips.
            before, longest = now, max(longest, now - before if outcome.case else 0.0)
            codes[outcome.code] += 1
            peak = max(peak, outcome.peak)
            if outcome.broken:
                broken += 1
                print(f"case {outcome.case}: {outcome.broken}")
    print(
        f"{count} files: {codes[0]} read, {codes[3]} read in part and told, {codes[2]} refused, {broken} broke a rule"
    )
    print(f"longest {longest:.1f} s, peak memory {peak >> 20} MiB")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

"""500 changed models, recipes, layers, shards, projects, LoRAs and LUTs through the commands that read them.

A rule is broken by a trace, by more than 10 s or 2 GiB, by a change to any file that is not the output, or by an exit
code other than 0, 2 or 3. Run from the repository's root: python -m benchmarks.mutate [COUNT [FIRST]]
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.mutating import KINDS, run_cases

RULES = ("trace", "hang", "memory", "changed", "code")


def main(count: int = 500, first: int = 0) -> int:
    codes: dict[str, Counter[int]] = {kind: Counter() for kind in KINDS}
    broken: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    longest, peak = 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        for outcome in run_cases(Path(folder).resolve(), list(range(first, first + count))):
            codes[outcome.kind][outcome.code] += 1
            broken[outcome.kind].update(outcome.broken.keys())
            longest, peak = max(longest, outcome.seconds), max(peak, outcome.peak)
            for rule, what in outcome.broken.items():
                print(f"case {outcome.case}, {rule}: {outcome.change}: {what}", flush=True)
    print("kind       cases  done  refused  in part  " + "  ".join(f"{rule:>7}" for rule in RULES))
    for kind in KINDS:
        told, bad = codes[kind], broken[kind]
        rules = "  ".join(f"{bad[rule]:7}" for rule in RULES)
        print(f"{kind:9}  {told.total():5}  {told[0]:4}  {told[2]:7}  {told[3]:7}  {rules}")
    print(f"longest {longest:.1f} s, peak memory {peak >> 20} MiB")
    done = sum(told.total() for told in codes.values())
    return 0 if done == count and not any(bad.total() for bad in broken.values()) else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

"""A few of the damaged files that benchmarks/fuzz.py makes by the hundred."""

from pathlib import Path

from tests.video.fuzzing import CLIPS, fuzz, mutated

# Words that were not UTF-8, which once ended in a trace.
FOUND = [156, 241]


def test_damaged_files_never_break_the_rules(tmp_path: Path) -> None:
    cases = [*range(24), *FOUND]
    outcomes = list(fuzz(tmp_path, cases))
    assert [outcome.case for outcome in outcomes] == cases
    assert [outcome for outcome in outcomes if outcome.broken] == []
    # Not all are refused, and not all are read.
    assert {outcome.code for outcome in outcomes} >= {0, 2}
    assert {case % len(CLIPS) for case in cases} == set(range(len(CLIPS)))


def test_a_case_is_always_the_same() -> None:
    data = bytes(range(256)) * 40
    assert mutated(data, 7) == mutated(data, 7) != mutated(data, 8)

"""Changed files of strangers through the real commands: a small share of `python -m benchmarks.mutate`."""

from pathlib import Path

import pytest
from tests.mutating import KINDS, run_cases


@pytest.mark.faults
def test_changed_files_break_no_rule(tmp_path: Path) -> None:
    cases = list(range(7000, 7000 + 2 * len(KINDS)))
    outcomes = list(run_cases(tmp_path, cases))
    assert [outcome.case for outcome in outcomes] == cases
    assert not [outcome for outcome in outcomes if outcome.broken]

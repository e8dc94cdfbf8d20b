"""The table of a plan: its numbers are those of the statistics."""

import pytest

from vera.errors import VeraError
from vera.metrics.statistics import StudyDesign, critical_wins, power
from vera.study.planning import minutes, plan_table
from vera.study.study import Design


def test_the_published_study_planned() -> None:
    table = plan_table(Design(), 5, 100, 1.0, 0.05, (19,), 200)
    row = next(line for line in table.splitlines() if line.startswith("| 19 "))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:4] == ["19", "95", str(critical_wins(95)), str(critical_wins(95, 0.05 / 15))]
    found = power(StudyDesign(19, 5, 1.0, 15), 0.7, simulations=200).value
    assert cells[-1].startswith(f"{100 * found:.0f} %")
    assert "15 tests" in table and "about 16 minutes" in table and minutes(Design()) == 16


@pytest.mark.parametrize(
    ("design", "baselines", "cases", "raters"),
    [(Design(trials=9), 5, 8, (19,)), (Design(trials=4), 5, 9, (19,)), (Design(), 0, 99, (19,)), (Design(), 5, 99, ())],
)
def test_plans_that_cannot_be_are_refused(design: Design, baselines: int, cases: int, raters: tuple[int, ...]) -> None:
    with pytest.raises(VeraError, match="plan:"):
        plan_table(design, baselines, cases, 1.0, 0.05, raters, 10)

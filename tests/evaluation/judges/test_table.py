"""What judges say together, in closed form."""

import pytest

from vera.evaluation.judges.judge import Verdict
from vera.evaluation.judges.rows import Row, rows_path
from vera.evaluation.judges.table import ALL, Mean, judge_table, summarize_judges


def row(judge: str, case: str, score: float | None, method: str = "ours") -> Row:
    verdict = Verdict(
        {"CS": score} if score is not None else {}, {}, {} if score is not None else {"CS": "refused: no"}
    )
    return Row(judge, case, method, "obj_add", "f", dict(verdict.scores), {}, dict(verdict.problems), 0, 0)


def test_all_judges_speak_of_what_each_of_them_scored() -> None:
    rows = [row("a", "1", 1), row("a", "2", 5), row("b", "1", 3), row("b", "2", None), row("b", "3", 5)]
    found = summarize_judges(rows)
    key = ("obj_add", "ours", "CS")
    assert found.means[(*key, "a")] == Mean(3, 2) and found.means[(*key, "b")] == Mean(4, 2)
    assert found.means[(*key, ALL)] == Mean(2, 1)  # case 1 alone
    assert found.problems == {"a": 0, "b": 1} and "b: no score for 1 edits" in judge_table(found)


def test_agreement_is_of_edits_not_of_cases() -> None:
    """Judges who agree on every edit agree, although the two methods' edits of one case differ."""
    rows = [
        row(judge, case, 1 + 3 * (method == "x") + int(case), method)
        for judge in "ab"
        for case in "01"
        for method in "xy"
    ]
    agreement = summarize_judges(rows).agreement["CS"]
    assert agreement.alpha == pytest.approx(1)


def test_opposite_judges_disagree() -> None:
    rows = [row("a", str(n), 1 + n) for n in range(5)] + [row("b", str(n), 5 - n) for n in range(5)]
    agreement = summarize_judges(rows).agreement["CS"]
    assert agreement.alpha is not None and agreement.alpha < 0


@pytest.mark.parametrize("rows", [[], [row("a", "1", 3)], [row("a", "1", 3), row("b", "2", 4)], [row("a", "1", None)]])
def test_what_is_not_available_is_said(rows: list[Row]) -> None:
    found = summarize_judges(rows)
    assert found.agreement["CS"].alpha is None and found.agreement["CS"].why
    text = judge_table(found)
    assert "nan" not in text and ("not available" in text or not rows)


def test_judges_never_share_a_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    names = ["qwen", "Qwen/Qwen3-VL", "Qwen-Qwen3-VL", "..", "../qwen", "", "é", "x" * 300, "x" * 301]
    paths = [rows_path(tmp_path, name) for name in names]
    assert len({str(path).lower() for path in paths}) == len(names)
    assert all(path.parent == tmp_path / "verdicts" and len(path.name) < 120 for path in paths)


def test_a_table_has_a_line_for_each_row_whatever_names_hold() -> None:
    def table(judge: str, method: str) -> list[str]:
        return judge_table(summarize_judges([row(judge, "1", 3, method), row(judge, "2", None, method)])).splitlines()

    plain, strange = table("judge", "ours"), table("judge|a\nb", "ours|\n| x")
    assert len(strange) == len(plain)
    bars = [line.replace("\\|", "").count("|") for line in strange]
    assert bars == [line.count("|") for line in plain]


def test_edits_are_told_apart_by_case_and_method() -> None:
    """Two edits whose names were joined to the same text counted as one."""
    rows = [
        row(judge, case, score, method)
        for judge in "ab"
        for case, method, score in (("x\ny", "z", 1), ("x", "y\nz", 5))
    ]
    assert summarize_judges(rows).agreement["CS"].alpha == pytest.approx(1)

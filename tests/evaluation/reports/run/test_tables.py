"""Means, tests and gaps of small runs against what can be worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from vera.errors import VeraError
from vera.evaluation.judges import JudgedCase
from vera.evaluation.judges.judge import Verdict
from vera.evaluation.judges.rows import Row, add_row, make_row
from vera.evaluation.reports.run.published import COLUMNS, PUBLISHED, best_published
from vera.evaluation.reports.run.read import natural, read_run
from vera.evaluation.reports.run.tables import TaskTable, make_tables
from vera.metrics.statistics import bootstrap_interval, compare_paired, holm
from vera.resumable import append_row


def write_records(folder: Path, rows: list[tuple[str, str, dict[str, float]]], skipped: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for case, method, measures in rows:
        missing = {name: why for name, why in skipped.items() if name not in measures}
        row = {"case": case, "task": "obj_add", "method": method, "measures": measures, "skipped": missing, "key": "k"}
        append_row(folder / "records.jsonl", row)
    return folder


def table_of(folder: Path, reference: str = "a") -> TaskTable:
    (table,) = make_tables(read_run(folder), reference).tasks
    return table


def test_means_intervals_and_best(tmp_path: Path) -> None:
    better, worse = [30.0, 32.0, 37.5], [25.0, 26.0, 27.0]
    rows = [(f"c{n}", "a", {"psnr_preserved": value}) for n, value in enumerate(better)]
    rows += [(f"c{n}", "b", {"psnr_preserved": value}) for n, value in enumerate(worse)]
    table = table_of(write_records(tmp_path, rows, {}))
    one, other = (table.cells["psnr_preserved", method] for method in "ab")
    expected = bootstrap_interval(better)
    assert (one.mean, one.low, one.high, one.count, one.best) == (expected.value, expected.low, expected.high, 3, True)
    assert not other.best and other.mean == 26
    assert table.main is not None and table.main.name == "psnr_preserved"


def test_lower_is_better_where_it_is_and_ties_share(tmp_path: Path) -> None:
    rows = [
        (case, method, {"warp_excess": value, "iou": 0.5, "unheard_of": value})
        for case in ("x", "y")
        for method, value in (("a", 1.0), ("b", 1.0), ("c", 2.0))
    ]
    table = table_of(write_records(tmp_path, rows, {}))
    assert [table.cells["warp_excess", method].best for method in "abc"] == [True, True, False]
    assert not any(table.cells["iou", method].best for method in "abc")  # all equal: nobody is best
    assert not any(table.cells["unheard_of", method].best for method in "abc")  # no good direction


def test_a_method_that_lacks_cases_does_not_win(tmp_path: Path) -> None:
    rows = [("x", "a", {"iou": 0.5}), ("y", "a", {"iou": 0.5}), ("x", "b", {"iou": 0.4}), ("y", "b", {"iou": 0.4})]
    table = table_of(write_records(tmp_path, [*rows, ("x", "c", {"iou": 0.9})], {}))
    assert [table.cells["iou", method].best for method in "abc"] == [True, False, False]
    assert table.cells["iou", "c"].reason == "1 of 2 cases: it has no record"


def test_tests_are_those_of_the_statistics_with_holm_over_the_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = {(method, name): rng.normal(30, 3, 12) for method in "abc" for name in ("psnr_preserved", "warp_excess")}
    rows = [
        (f"c{n}", method, {name: float(values[method, name][n]) for name in ("psnr_preserved", "warp_excess")})
        for method in "abc"
        for n in range(12)
    ]
    table = table_of(write_records(tmp_path, rows, {}))
    found = {(test.metric, test.other): test.found for test in table.tests}
    plain = {key: compare_paired(values["a", key[0]], values[key[1], key[0]]) for key in found}
    adjusted = dict(zip(plain, holm([one.p_value for one in plain.values()]), strict=True))
    assert len(found) == 4
    for key, one in found.items():
        assert one is not None
        assert one.difference == plain[key].difference and one.p_value == plain[key].p_value
        assert one.adjusted == pytest.approx(adjusted[key])


def test_what_is_not_there_has_its_reason(tmp_path: Path) -> None:
    rows = [
        ("x", "a", {"iou": 0.5, "mae": 1.0}),
        ("y", "a", {"iou": 0.5}),
        ("x", "b", {"iou": 0.1}),
        ("y", "b", {}),
    ]
    skipped = {"lpips_preserved": "no weights", "mae": "no alpha", "iou": "broken"}
    table = table_of(write_records(tmp_path, rows, skipped))
    cells = table.cells
    assert cells["lpips_preserved", "a"].mean is None and cells["lpips_preserved", "a"].reason == "no weights"
    assert cells["mae", "a"].reason == "1 of 2 cases: no alpha"
    assert cells["iou", "b"].reason == "1 of 2 cases: broken" and cells["iou", "b"].low is None
    reasons = {(test.metric, test.other): test.reason for test in table.tests}
    assert reasons["mae", "b"] == "0 cases have both; at least 2 are needed"


def test_numbers_that_are_none_are_not_counted(tmp_path: Path) -> None:
    line = '{"case": "x", "task": "obj_add", "method": "a", "measures": {"iou": NaN}, "skipped": {}, "key": "k"}\n'
    (tmp_path / "records.jsonl").write_text(line)
    cell = table_of(tmp_path).cells["iou", "a"]
    assert cell.mean is None and cell.reason == "its value is nan"


def test_of_several_records_the_last_counts(tmp_path: Path) -> None:
    write_records(tmp_path, [("x", "a", {"iou": 0.1}), ("x", "a", {"iou": 0.7})], {})
    assert table_of(tmp_path).cells["iou", "a"].mean == 0.7


def test_judges_scores_are_measures_where_all_judges_scored(tmp_path: Path) -> None:
    write_records(tmp_path, [("x", "a", {"iou": 0.1}), ("y", "a", {"iou": 0.7})], {})
    for judge, case, score in (("one", "x", 5.0), ("two", "x", 4.0), ("one", "y", 3.0)):
        add_row(tmp_path / "judged", Row(judge, case, "a", "obj_add", "f", {"CS": score}, {}, {}, 1, 1))
    tables = make_tables(read_run(tmp_path), "a")
    cell = tables.tasks[0].cells["cs", "a"]
    assert (cell.mean, cell.count, cell.reason) == (4.5, 1, "1 of 2 cases: 1 of 2 judges gave a score")
    assert tables.judges is not None and tables.judges.judges == ("one", "two")


@pytest.mark.faults
def test_scores_of_an_earlier_edit_stand_beside_no_new_measure(tmp_path: Path) -> None:
    write_records(tmp_path, [("x", "a", {"iou": 0.1}), ("y", "a", {"iou": 0.7})], {})
    for name in ("source", "x", "y"):
        (tmp_path / f"{name}.mkv").write_text(name)
    for case in "xy":
        clips = {"source": "source.mkv", "result": f"{case}.mkv"}
        append_row(tmp_path / "edits.jsonl", {"case": case, "instruction": "Add.", "method": "a", **clips})
        edit = JudgedCase(case, "Add.", tmp_path / "source.mkv", tmp_path / f"{case}.mkv", "a", "obj_add")
        add_row(tmp_path / "judged", make_row("one", edit, "f", Verdict({"CS": 4.0})))
    (tmp_path / "x.mkv").write_text("another edit")
    tables = make_tables(read_run(tmp_path), "a")
    cell = tables.tasks[0].cells["cs", "a"]
    assert (cell.mean, cell.count) == (4.0, 1)
    assert cell.reason == "1 of 2 cases: 0 of 1 judges gave a score, 1 judged an earlier edit"
    (tmp_path / "x.mkv").unlink()
    assert make_tables(read_run(tmp_path), "a").tasks[0].cells["cs", "a"].count == 2, "nothing tells that it changed"


@pytest.mark.parametrize("row", ["{}", '{"case": 1, "task": "obj_add", "method": "a"}', "[]", "nonsense"])
def test_what_is_no_record_is_told_with_its_line(tmp_path: Path, row: str) -> None:
    (tmp_path / "records.jsonl").write_text(row + "\n")
    with pytest.raises(VeraError, match=r"records\.jsonl:1: "):
        read_run(tmp_path)


def test_a_folder_without_records_is_told(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="holds no records"):
        read_run(tmp_path)


def test_cases_are_in_the_order_of_their_numbers() -> None:
    names = ["clip-10", "clip-9", "clip", "9", "clip-9b"]
    assert sorted(names, key=natural) == ["9", "clip", "clip-9", "clip-9b", "clip-10"]


def test_the_published_table_is_whole() -> None:
    for methods in PUBLISHED.values():
        assert len(methods) == 8 and all(len(values) == len(COLUMNS) for values in methods.values())
    # What the publication says of its own table: gains over the best baseline, in dB.
    psnr = {task: {name: values[0] for name, values in rows.items()} for task, rows in PUBLISHED.items()}
    for task, small, large in (("obj_add", 6.3, 7.1), ("background_replace", 3.5, 4.5)):
        baseline = max(value for name, value in psnr[task].items() if not name.startswith("Vera"))
        assert psnr[task]["Vera-1.3B"] - baseline == pytest.approx(small)
        assert psnr[task]["Vera-14B"] - baseline == pytest.approx(large)
    assert best_published("obj_add")[2] == 0.078

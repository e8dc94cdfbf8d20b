"""What programs read again is what was worked out; no text of a stranger becomes a command."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera.evaluation.reports.run.read import read_run
from vera.evaluation.reports.run.tables import Tables, make_tables
from vera.evaluation.reports.run.tabular import cases_csv, csv_text, latex, report_json, summary_csv, tex
from vera.files import json_text
from vera.resumable import append_row

EVIL = r"""=cmd|' /C calc'!A0 & 50% $x^2$ \input{/etc/passwd} #1 {a_b} ~<script>"""


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    for number in range(5):
        for method, shift in (("a", 0.0), (EVIL, 1 / 3)):
            measures = {"psnr_preserved": 30 + number / 7 + shift, "iou": 0.5 + number / 9}
            append_row(
                tmp_path / "records.jsonl",
                {"case": f"c{number}", "task": "obj_add", "method": method, "measures": measures,
                 "skipped": {"vmaf": EVIL}, "key": "k"},
            )  # fmt: skip
    return make_tables(read_run(tmp_path), "a")


def test_csv_has_every_number_to_its_last_digit(tables: Tables) -> None:
    (table,) = tables.tasks
    for row in csv.DictReader(io.StringIO(summary_csv(tables))):
        cell = table.cells[row["measure"], row["method"].removeprefix("'")]
        assert row["mean"] == ("" if cell.mean is None else repr(cell.mean))
        assert row["low"] == ("" if cell.low is None else repr(cell.low))
        assert (int(row["cases"]), bool(int(row["best"]))) == (cell.count, cell.best)
    rows = list(csv.DictReader(io.StringIO(cases_csv(tables))))
    assert len(rows) == 20
    for row in rows:
        assert float(row["value"]) == table.values[row["case"], row["method"].removeprefix("'")][row["measure"]]


def test_no_cell_of_a_csv_is_a_formula(tables: Tables) -> None:
    for text in (summary_csv(tables), cases_csv(tables)):
        for row in csv.reader(io.StringIO(text)):
            assert not any(cell.startswith(("=", "@", "\t")) for cell in row)


@pytest.mark.faults
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\t", ","])
def test_a_text_of_several_lines_is_one_cell(end: str) -> None:
    """Behind a carriage return a spreadsheet began a row, and took what stood there for a formula."""
    texts = [f"one{end}=1+1", f"{end}=1+1"]
    rows = list(csv.reader(io.StringIO(csv_text(["text"], [[text] for text in texts]), newline="")))
    assert len(rows) == 3 and all(len(row) == 1 for row in rows)
    assert not any(line.lstrip().startswith("=") for (cell,) in rows for line in cell.splitlines())


def test_json_has_every_number(tables: Tables) -> None:
    (table,) = tables.tasks
    read = json.loads(json_text(report_json(tables)))["tasks"]["obj_add"]
    for (name, method), cell in table.cells.items():
        told = read["means"][method][name]
        assert (told["mean"], told["low"], told["high"], told["count"]) == (cell.mean, cell.low, cell.high, cell.count)
    for (case, method), values in table.values.items():
        assert read["values"][case][method] == values
    for test, told in zip(table.tests, read["tests"], strict=True):
        assert test.found is None or told["found"]["adjusted"] == test.found.adjusted


def test_latex_has_the_numbers_in_their_cells(tables: Tables) -> None:
    (table,) = tables.tasks
    text = latex(tables)
    for metric in table.metrics:
        (line,) = [line for line in text.splitlines() if line.startswith(tex(metric.heading))]
        for cell, told in zip((table.cells[metric.name, m] for m in table.methods), line.split(" & ")[1:], strict=True):
            expected = "na" if cell.mean is None else metric.shown(cell.mean)
            assert re.findall(r"na|-?[\d.]+", told)[0] == expected
            assert told.startswith("\\textbf{") == cell.best
    assert text.count("\\begin{tabular}") == text.count("\\end{tabular}") == 2  # ours and the published
    assert check_latex(text)


@given(st.text())
def test_whatever_a_text_holds_latex_stays_whole(text: str) -> None:
    assert check_latex(tex(text))
    shown = re.sub(r"\\text\w+\{\}|\$\\\w+\$|\{[\[\]]\}|\\[{}$&#_%]", "", tex(text))
    assert not set(shown) & set("\\{}$&#_%~^\n")


def check_latex(text: str) -> bool:
    """Whether braces and dollars outside of comments pair, and every row of a tabular has the columns of its head."""
    bare = re.sub(r"(?m)^%.*$", "", text)
    bare = re.sub(r"\\\\|\\[{}$&#_%]", "", bare)
    depth = 0
    for letter in bare:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        assert depth >= 0
    for body in re.findall(r"(?s)\\begin\{tabular\}\{(l+r*)\}(.*?)\\end\{tabular\}", text):
        rows = [line for line in body[1].splitlines() if line.endswith("\\\\")]
        assert all(len(re.findall(r"(?<!\\)&", row)) + 1 == len(body[0]) for row in rows)
    return depth == 0 and bare.count("$") % 2 == 0

"""The numbers of a report for programs and papers: CSV, JSON and LaTeX."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from vera.errors import printable
from vera.evaluation.predictions.metrics import Metric
from vera.evaluation.reports.run.published import COLUMNS, PUBLISHED, SOURCE, best_published
from vera.evaluation.reports.run.tables import LEVEL, Cell, Tables, TaskTable
from vera.evaluation.reports.table import TITLES

SUMMARY = ("task", "method", "measure", "mean", "low", "high", "cases", "best", "reason")
CASES = ("task", "case", "method", "measure", "value")
FORMULA = ("=", "+", "-", "@")  # what makes a spreadsheet take a text for something to work out
SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
        ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}",
        "`": r"\textasciigrave{}", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "[": "{[}", "]": "{]}",
    }
    | {letter: f"\\{letter}" for letter in "{}$&#_%"}
)  # fmt: skip


def title_of(task: str) -> str:
    """Return what a task is called."""
    return next((title for name, title in TITLES.items() if name == task), task or "All cases")


def summary_csv(tables: Tables) -> str:
    """Return means with intervals in the measures' own units, a line for each task, method and measure."""
    return csv_text(
        SUMMARY,
        (
            (table.task, method, name, cell.mean, cell.low, cell.high, cell.count, int(cell.best), cell.reason)
            for table in tables.tasks
            for (name, method), cell in table.cells.items()
        ),
    )


def cases_csv(tables: Tables) -> str:
    """Return every single value, a line each."""
    return csv_text(
        CASES,
        (
            (table.task, case, method, name, value)
            for table in tables.tasks
            for (case, method), values in table.values.items()
            for name, value in values.items()
        ),
    )


def report_json(tables: Tables) -> dict[str, Any]:
    """Return everything as JSON values: means, tests, values, agreement of judges, the published table."""
    agreement = {} if tables.judges is None else {name: asdict(one) for name, one in tables.judges.agreement.items()}
    return {
        "reference": tables.reference,
        "level": LEVEL,
        "tasks": {table.task: _task_json(table) for table in tables.tasks},
        "judges": {"names": [] if tables.judges is None else tables.judges.judges, "agreement": agreement},
        "published": {"source": SOURCE, "columns": [column.title for column in COLUMNS], "rows": PUBLISHED},
    }


def _task_json(table: TaskTable) -> dict[str, Any]:
    means: dict[str, dict[str, Any]] = {method: {} for method in table.methods}
    for (name, method), cell in table.cells.items():
        means[method][name] = asdict(cell)
    values: dict[str, dict[str, Any]] = {case: {} for case in table.cases}
    for (case, method), measures in table.values.items():
        values[case][method] = dict(measures)
    return {
        "measures": {metric.name: _metric_json(metric) for metric in table.metrics},
        "means": means,
        "tests": [asdict(test) for test in table.tests],
        "values": values,
    }


def _metric_json(metric: Metric) -> dict[str, Any]:
    shown = ("name", "better", "digits", "scale", "definition")
    return {"title": metric.heading, **{field: getattr(metric, field) for field in shown}}


def latex(tables: Tables) -> str:
    """Return tables for a paper (booktabs): a row a measure, a column a method, the best in bold; then the published.

    `na` stands for what is not available; the reasons are in the other files.
    """
    lines = [
        "% Written by `vera evaluate report`. Needs \\usepackage{booktabs,textcomp} and \\usepackage[T1]{fontenc}.",
        f"% Means and {LEVEL:.0%} bootstrap intervals.".replace("95%", "95\\%"),
    ]
    for table in tables.tasks:
        heads = ["measure", *(tex(method) for method in table.methods)]
        rows = [
            [
                f"{tex(metric.heading)} {tex(metric.arrow)}".strip(),
                *(_tex_cell(table.cells[metric.name, method], metric.shown) for method in table.methods),
            ]
            for metric in table.metrics
        ]
        cases = f"{len(table.cases)} case{'s' if len(table.cases) != 1 else ''}"
        lines += _tabular(heads, rows, f"{tex(title_of(table.task))}, {cases}")
    for task in (table.task for table in tables.tasks if table.task in PUBLISHED):
        best = best_published(task)
        heads = ["method", *(f"{column.title} {tex('↑' if column.better == 'up' else '↓')}" for column in COLUMNS)]
        rows = [
            [
                tex(method),
                *(
                    _bold(f"{value:.{column.digits}f}", value == top)
                    for value, column, top in zip(values, COLUMNS, best, strict=True)
                ),
            ]
            for method, values in PUBLISHED[task].items()
        ]
        lines += _tabular(heads, rows, f"{tex(title_of(task))}, published: {tex(SOURCE)}")
    return "\n".join(lines) + "\n"


def tex(text: str) -> str:
    """Return a stranger's text as LaTeX shows it: nothing in it is a command."""
    return printable(text).translate(SPECIAL)


def _tex_cell(cell: Cell, shown: Any) -> str:
    if cell.mean is None:
        return "na"
    mean = _bold(shown(cell.mean), cell.best)
    return mean if cell.low is None else f"{mean} {{\\scriptsize{{}}{{[}}{shown(cell.low)}, {shown(cell.high)}{{]}}}}"


def _bold(text: str, bold: bool) -> str:
    return f"\\textbf{{{text}}}" if bold else text


def _tabular(heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> list[str]:
    return [
        "\\begin{table}",
        f"\\caption{{{caption}}}",
        f"\\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
        "\\toprule",
        " & ".join(heads) + " \\\\",
        "\\midrule",
        *(" & ".join(row) + " \\\\" for row in rows),
        "\\bottomrule",
        "\\end{tabular}",
        "\\end{table}",
    ]


def csv_text(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return CSV whose numbers are whole and whose texts no spreadsheet works out."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows([_plain(value) for value in row] for row in rows)
    return file.getvalue()


def _plain(value: Any) -> Any:
    """A value as CSV has it: numbers to their last digit, texts on one line, none that a spreadsheet would work out.

    The writer leaves a lone carriage return unquoted, behind which a spreadsheet begins another row.
    """
    if isinstance(value, float):
        return repr(value)
    text = printable(value) if isinstance(value, str) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(FORMULA) else text

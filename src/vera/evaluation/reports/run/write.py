"""Write the report of a run: the page, the numbers for programs, the figures, as one folder that appears whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vera.errors import VeraError
from vera.evaluation.predictions.collect import RECORDS
from vera.evaluation.predictions.run import EDITS
from vera.evaluation.reports.run.figures import write_intervals, write_pairs, write_panel
from vera.evaluation.reports.run.media import CaseMedia, budget_of, make_media
from vera.evaluation.reports.run.page import ShownCase, render_page
from vera.evaluation.reports.run.read import EditPaths, Run, natural, read_run
from vera.evaluation.reports.run.tables import Tables, TaskTable, make_tables
from vera.evaluation.reports.run.tabular import cases_csv, latex, report_json, summary_csv
from vera.evaluation.reports.table import TITLES
from vera.files import check_outputs, json_text
from vera.progress import Progress
from vera.whole import check_replaceable
from vera.workers import share_out
from vera.written import own_folder

PAGE, SUMMARY, CASES, JSON, LATEX, FIGURES = (
    "report.html", "report.csv", "cases.csv", "report.json", "report.tex", "figures",
)  # fmt: skip
WRITTEN = "report-files.json"  # lists what a report wrote: all that a second one may replace
PANELS = 2  # of the worst cases of each task


@dataclass(frozen=True)
class Report:
    """What was written, and of how many cases the clips could not be shown."""

    page: Path
    figures: int
    without_clips: int
    cases: int


def write_run_report(
    folder: Path, out: Path, reference: str | None = None, workers: int = 1, progress: Progress | None = None
) -> Report:
    """Write the report of a run's folder into `out`; `reference` is the method that others are compared with.

    The default is the run's first method. VeraError for a folder without records, a method that it has not, or an
    `out` that holds the run itself; clips that cannot be read are told in the page.
    """
    run = read_run(folder)
    check_outputs([folder / RECORDS, folder / EDITS, *_clips(run)], [out])
    check_replaceable(out)
    if reference is not None and reference not in run.methods:
        raise VeraError(f"{folder}: has no method {reference!a:.60}; there are {', '.join(run.methods):.400}")
    tables = make_tables(run, reference or run.methods[0], progress)
    places = [(table, case) for table in tables.tasks for case in _worst_first(table, tables.reference)]
    budget = budget_of(len(places))
    jobs = [_job(run, table, case, budget) for table, case in places]
    shown: list[ShownCase] = []
    for case in share_out(show_case, jobs, workers, ordered=True):
        shown.append(case)
        if progress is not None:
            progress("clips", len(shown), len(jobs))
    with own_folder(out, WRITTEN) as partial:
        (partial / FIGURES).mkdir()
        pictures = {table.task: _draw(partial / FIGURES, table, tables, shown) for table in tables.tasks}
        figures = {task: [path.read_bytes() for path in paths] for task, paths in pictures.items()}
        name = folder.resolve().name
        _write(partial / PAGE, render_page(name, tables, shown, figures))
        _write(partial / SUMMARY, summary_csv(tables))
        _write(partial / CASES, cases_csv(tables))
        _write(partial / JSON, json_text(report_json(tables)) + "\n")
        _write(partial / LATEX, latex(tables))
        drawn = len(list((partial / FIGURES).iterdir()))
    return Report(out / PAGE, drawn, sum(case.media is None for case in shown), len(shown))


def show_case(
    task: str, case: str, methods: tuple[str, ...], edits: Sequence[EditPaths], folder: Path, budget: int
) -> ShownCase:
    """Draw the clips of a case, or say why they cannot be shown."""
    instruction = edits[0].instruction if edits else ""
    if not edits:
        return ShownCase(task, case, instruction, methods, None, f"{EDITS} does not list it")
    results = {edit.method: folder / edit.result for edit in edits}
    preserved = next((folder / edit.preserved for edit in edits if edit.preserved), None)
    try:
        media = make_media(folder / edits[0].source, results, preserved, methods, budget)
    except VeraError as error:
        return ShownCase(task, case, instruction, methods, None, str(error).replace(f"{folder}/", ""))
    return ShownCase(task, case, instruction, methods, media)


def _clips(run: Run) -> list[Path]:
    return [run.folder / path for edit in run.edits.values() for path in (edit.source, edit.result)]


def _job(
    run: Run, table: TaskTable, case: str, budget: int
) -> tuple[str, str, tuple[str, ...], list[EditPaths], Path, int]:
    edits = [run.edits[case, method] for method in table.methods if (case, method) in run.edits]
    return table.task, case, table.methods, edits, run.folder, budget


def _worst_first(table: TaskTable, reference: str) -> list[str]:
    """Cases by the main measure of the reference; those without a value last, `clip-10` after `clip-9`."""
    metric = table.main
    method = reference if reference in table.methods else table.methods[0]

    def key(case: str) -> tuple[bool, float, list[tuple[int, str]]]:
        value = None if metric is None else table.values.get((case, method), {}).get(metric.name)
        sign = -1 if metric is not None and metric.better == "down" else 1
        return value is None, sign * (value or 0.0), natural(case)

    return sorted(table.cases, key=key)


def _draw(folder: Path, table: TaskTable, tables: Tables, shown: Sequence[ShownCase]) -> list[Path]:
    """Draw a task's figures; returns those that the page shows."""
    known = table.task in TITLES
    name = table.task if known else f"task-{[one.task for one in tables.tasks].index(table.task) + 1}"
    drawn = write_intervals(folder, name, table) + write_pairs(folder, name, table, tables.reference)
    for number, (case, media) in enumerate(_panels(table, shown), 1):
        write_panel(folder, f"{name}-{number}", media, table.methods, f"{case.case}: {case.instruction}")
    return [path for path in drawn if path.suffix == ".png"]


def _panels(table: TaskTable, shown: Sequence[ShownCase]) -> Iterator[tuple[ShownCase, CaseMedia]]:
    of_task = [(case, case.media) for case in shown if case.task == table.task and case.media is not None]
    yield from of_task[:PANELS]


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")

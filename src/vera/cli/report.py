"""`vera evaluate report`: the report of a run."""

from pathlib import Path

from vera.cli.progress import progress_bar
from vera.cli.terminal import say


def report(run: Path, /, *, out: Path | None = None, reference: str | None = None, workers: int = 1) -> None:
    """Write a report of a run: a page with tables, tests and players; CSV, JSON and LaTeX; and figures.

    Parameters
    ----------
    run
        Folder of `vera evaluate run`.
    out
        Folder for the report. Default: report, in the run's folder.
    reference
        Method to compare the others with. Default: the run's first.
    workers
        Number of processes that make the clips of the cases.
    """
    from vera.evaluation.reports.run.write import write_run_report

    with progress_bar() as progress:
        written = write_run_report(run, out or run / "report", reference, workers, progress)
    say(f"report   {written.page}", f"figures  {written.figures} files in {written.page.parent / 'figures'}")
    if written.without_clips:
        say(f"clips of {written.without_clips} of {written.cases} cases are not available; the page says why")

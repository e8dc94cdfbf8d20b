"""The report of a study as one page that asks for nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from vera.evaluation.reports.run.page import data_address, fill_page, template_text
from vera.evaluation.reports.run.tabular import title_of
from vera.metrics.statistics import Interval
from vera.study.analysis.choices import Rater
from vera.study.analysis.figures import TITLES
from vera.study.analysis.results import Result, describe, limits
from vera.study.folder import HASH
from vera.study.registration import LEVEL
from vera.study.study import Key, Study

CAPTIONS = {
    "wins-all": "Shares of choices, without those whom the registered rules leave out.",
    "wins-everybody": "The same with everybody's answers.",
    "abilities": "Bradley-Terry by rater: the reference against each baseline.",
    "times": "Exploratory.",
}


@dataclass(frozen=True)
class Analysis:
    """Everything that the page tells."""

    study: Study
    key: Key
    registration: Mapping[str, Any]
    raters: Sequence[Rater]
    excluded: Mapping[str, list[str]]
    results: Mapping[str, Result]
    withdrawn: int


def render_study(analysis: Analysis, figures: Sequence[Path]) -> str:
    """Return the page's HTML; `figures` are PNG files."""
    style = template_text("report.css") + _text("study.css")
    shown = [(data_address(path.read_bytes(), "image/png"), _caption(path, analysis)) for path in figures]
    context = {
        "one": analysis, "figures": shown, "titles": TITLES,
        "title_of": title_of, "level": LEVEL, "percent": percent, "p_text": p_text, "number": number, "hash": HASH,
        "described": {rater.name: describe(rater) for rater in analysis.raters},
        "limits": limits(analysis.results["kept"]),
    }  # fmt: skip
    return fill_page(__package__, "study.html", context, style)


def percent(interval: Interval | None) -> str:
    """Write an interval of a share."""
    return "–" if interval is None else f"{100 * interval.low:.0f} to {100 * interval.high:.0f} %"


def number(interval: Interval | None) -> str:
    """Write an estimate with its interval."""
    return "–" if interval is None else f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"


def p_text(p: float) -> str:
    """Write a p-value."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _caption(path: Path, analysis: Analysis) -> str:
    if path.stem.startswith("wins-task-"):
        tasks = list(analysis.results["kept"].tasks)
        return f"{title_of(tasks[int(path.stem.removeprefix('wins-task-')) - 1])}, secondary."
    return CAPTIONS[path.stem]


def _text(name: str) -> str:
    return (files(__package__) / "templates" / name).read_text("utf-8")

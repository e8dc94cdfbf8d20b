"""What judges say together: means by method, and how far they agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from vera.errors import VeraError
from vera.evaluation.judges.criteria import TITLES
from vera.evaluation.judges.rows import EARLIER, Row
from vera.markdown import markdown_text

ALL = "all judges"


@dataclass(frozen=True)
class Mean:
    """A mean score of so many cases; None of none."""

    value: float | None
    cases: int


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha (ordinal) with its 95 % interval over edits; None, and why, where it is not available."""

    alpha: float | None
    low: float | None = None
    high: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Summary:
    """`means` by (task, method, criterion, judge or `ALL`), `agreement` by criterion.

    By judge, of how many edits there is no score: `problems`, and `earlier` where the verdict is on an earlier edit.
    """

    means: dict[tuple[str, str, str, str], Mean]
    agreement: dict[str, Agreement]
    problems: dict[str, int]
    earlier: dict[str, int]
    judges: tuple[str, ...]


def summarize_judges(rows: Sequence[Row]) -> Summary:
    """Return what rows of any judges say. The mean of all judges is over edits that each of them scored."""
    judges = tuple(dict.fromkeys(row.judge for row in rows))
    groups = dict.fromkeys((row.task, row.method) for row in rows)
    means = {
        (task, method, criterion, judge): mean
        for task, method in groups
        for criterion in TITLES
        for judge, mean in _means([row for row in rows if (row.task, row.method) == (task, method)], criterion, judges)
    }
    earlier = {judge: sum(row.judge == judge and EARLIER in row.problems.values() for row in rows) for judge in judges}
    failed = {judge: sum(row.judge == judge and bool(row.problems) for row in rows) for judge in judges}
    problems = {judge: failed[judge] - earlier[judge] for judge in judges}
    return Summary(means, {criterion: _agreement(rows, criterion) for criterion in TITLES}, problems, earlier, judges)


def judge_table(summary: Summary) -> str:
    """Return a summary as Markdown: a row a method and criterion, a column a judge, and below it how far they agree."""
    columns = [*summary.judges, ALL] if len(summary.judges) > 1 else list(summary.judges)
    lines = [_line(["task", "method", "criterion", *map(markdown_text, columns)]), _line(["---"] * (3 + len(columns)))]
    for task, method, criterion in dict.fromkeys(key[:3] for key in summary.means):
        cells = [_cell(summary.means[task, method, criterion, judge]) for judge in columns]
        lines.append(_line([markdown_text(task), markdown_text(method), criterion, *cells]))
    lines += ["", "Mean score of 1 to 5, and of how many edits. " + _legend(), ""]
    if len(summary.judges) > 1:
        lines += [f"agreement of judges, {name}: {_told(found)}" for name, found in summary.agreement.items()]
    lines += [
        f"{markdown_text(judge)}: no score for {count} edits" for judge, count in summary.problems.items() if count
    ]
    lines += [
        f"{markdown_text(judge)}: {EARLIER} in {count} cases; give its command again"
        for judge, count in summary.earlier.items()
        if count
    ]
    return "\n".join(lines) + "\n"


def _means(rows: Sequence[Row], criterion: str, judges: Sequence[str]) -> list[tuple[str, Mean]]:
    scores = {
        judge: {row.case: row.scores[criterion] for row in rows if row.judge == judge and criterion in row.scores}
        for judge in judges
    }
    shared = set.intersection(*(set(of_judge) for of_judge in scores.values())) if scores else set()
    together = [fmean(of_judge[case] for of_judge in scores.values()) for case in sorted(shared)]
    return [*((judge, _mean(list(of_judge.values()))) for judge, of_judge in scores.items()), (ALL, _mean(together))]


def _mean(values: Sequence[float]) -> Mean:
    return Mean(fmean(values) if values else None, len(values))


def _agreement(rows: Sequence[Row], criterion: str) -> Agreement:
    from vera.metrics.statistics import krippendorff_interval

    scored = [row for row in rows if criterion in row.scores]
    names = list(dict.fromkeys((row.case, row.method) for row in scored))
    units = [names.index((row.case, row.method)) for row in scored]
    try:
        found = krippendorff_interval([row.scores[criterion] for row in scored], units, "ordinal")
    except VeraError as error:
        return Agreement(None, why=str(error))
    return Agreement(found.value, found.low, found.high)


def _legend() -> str:
    return "; ".join(f"{name}: {title}" for name, title in TITLES.items())


def _told(found: Agreement) -> str:
    if found.alpha is None:
        return f"not available ({found.why})"
    return f"Krippendorff's alpha {found.alpha:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _cell(mean: Mean) -> str:
    return "not available" if mean.value is None else f"{mean.value:.2f} ({mean.cases})"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

"""The numbers of a report: means with intervals, tests between methods, and why a number is not there."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from vera.evaluation.judges.rows import EARLIER
from vera.evaluation.judges.table import Summary, summarize_judges
from vera.evaluation.predictions.metrics import Metric
from vera.evaluation.predictions.record import Record
from vera.evaluation.reports.run.metrics import CRITERIA, in_order, metric_of
from vera.evaluation.reports.run.read import Run
from vera.metrics.statistics import PairedComparison, bootstrap_interval, compare_paired, holm
from vera.progress import Progress

LEVEL = 0.95
MAIN = ("psnr_preserved", "psnr_frame")  # what the method promises first: what was not asked for stays


@dataclass(frozen=True)
class Cell:
    """A mean over `count` cases and its interval, None of a single case; `best`: no other method's mean is better.

    No mean: `reason` says why. With one, it says why some cases have no value.
    """

    mean: float | None
    low: float | None = None
    high: float | None = None
    count: int = 0
    best: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Test:
    """The reference minus `other` over the cases that have both; None, and why, where they cannot be compared."""

    metric: str
    other: str
    found: PairedComparison | None
    reason: str = ""


@dataclass(frozen=True)
class TaskTable:
    """All numbers of a task: `metrics`, `cells` by measure and method, `tests` against the reference.

    `values` by case, method and measure; `main`: the measure that cases are sorted by, None where nothing was measured.
    """

    task: str
    methods: tuple[str, ...]
    cases: tuple[str, ...]
    metrics: tuple[Metric, ...]
    cells: Mapping[tuple[str, str], Cell]
    tests: tuple[Test, ...]
    values: Mapping[tuple[str, str], Mapping[str, float]]
    main: Metric | None


@dataclass(frozen=True)
class Tables:
    """Tables of each task, the method that others are compared with, and what judges say, None without any."""

    tasks: tuple[TaskTable, ...]
    reference: str
    judges: Summary | None


def make_tables(run: Run, reference: str, progress: Progress | None = None) -> Tables:
    """Work out all numbers of a run. `reference` is one of its methods."""
    run = with_scores(run)
    judges = summarize_judges(run.verdicts) if run.verdicts else None
    return Tables(tuple(_task_table(run, task, reference, progress) for task in run.tasks()), reference, judges)


def with_scores(run: Run) -> Run:
    """Add what judges say to the measurements: the mean of all judges, where each of them gave a score."""
    judges = {row.judge for row in run.verdicts}
    if not judges:
        return run
    given: dict[tuple[str, str], dict[str, list[float]]] = {}
    for row in run.verdicts:
        of_edit = given.setdefault((row.case, row.method), {})
        for criterion, score in row.scores.items():
            of_edit.setdefault(criterion.lower(), []).append(score)
    earlier = Counter((row.case, row.method) for row in run.verdicts if EARLIER in row.problems.values())
    scored = {
        place: _scored(one, given.get(place, {}), len(judges), earlier[place])
        for place, one in run.measurements.items()
    }
    return replace(run, measurements=scored)


def _scored(one: Record, given: Mapping[str, list[float]], judges: int, earlier: int) -> Record:
    scores = {name: sum(given[name]) / judges for name in CRITERIA if len(given.get(name, ())) == judges}
    told = f", {earlier} {EARLIER}" if earlier else ""
    missing = {
        name: f"{len(given.get(name, ()))} of {judges} judges gave a score{told}"
        for name in CRITERIA
        if name not in scores
    }
    return replace(one, measures={**one.measures, **scores}, skipped={**one.skipped, **missing})


def _task_table(run: Run, task: str, reference: str, progress: Progress | None) -> TaskTable:
    found = {(one.case, one.method): one for one in run.of_task(task)}
    cases = run.cases(task)
    methods = tuple(name for name in run.methods if any(method == name for _, method in found))
    names = {name for one in found.values() for name in (*one.measures, *one.skipped)}
    metrics = tuple(metric_of(name) for name in in_order(names))
    values = {place: one.measures for place, one in found.items()}
    cells = {
        (metric.name, method): _cell(metric.name, [(case, found.get((case, method))) for case in cases])
        for metric in metrics
        for method in methods
    }
    cells |= {key: replace(cells[key], best=True) for metric in metrics for key in _best(metric, cells, methods)}
    tests = _tests(metrics, methods, cases, values, reference, partial(_tell, progress, task))
    measured = [metric for metric in metrics if any(cells[metric.name, method].count for method in methods)]
    main = next((metric for name in MAIN for metric in measured if metric.name == name), None)
    directed = (metric for metric in measured if metric.better)
    return TaskTable(task, methods, cases, metrics, cells, tests, values, main or next(directed, None))


def _cell(name: str, of_cases: Sequence[tuple[str, Record | None]]) -> Cell:
    values = [one.measures[name] for _, one in of_cases if one is not None and name in one.measures]
    reasons = Counter(
        "it has no record" if one is None else one.skipped.get(name, "it was not measured")
        for _, one in of_cases
        if one is None or name not in one.measures
    )
    told = "; ".join(
        reason if len(reasons) == 1 and not values else f"{count} of {len(of_cases)} cases: {reason}"
        for reason, count in reasons.most_common(3)
    )
    if not values:
        return Cell(None, reason=told)
    if len(values) == 1:
        return Cell(values[0], count=1, reason=told)
    interval = bootstrap_interval(values, level=LEVEL)
    return Cell(interval.value, interval.low, interval.high, len(values), reason=told)


def _best(metric: Metric, cells: Mapping[tuple[str, str], Cell], methods: Sequence[str]) -> list[tuple[str, str]]:
    """Keys of the best means, several where they are equal as printed; none where there is nothing to be better than.

    Means over different cases do not compete: only methods with as many cases as the most.
    """
    means = {(metric.name, method): cells[metric.name, method].mean for method in methods}
    most = max((cells[key].count for key in means), default=0)
    rivals = {key: mean for key, mean in means.items() if mean is not None and cells[key].count == most}
    if metric.better is None or len(rivals) < 2:
        return []
    top = metric.shown((max if metric.better == "up" else min)(rivals.values()))
    equal = [key for key, mean in rivals.items() if metric.shown(mean) == top]
    return [] if len(equal) == len(rivals) else equal


def _tests(
    metrics: Sequence[Metric],
    methods: Sequence[str],
    cases: Sequence[str],
    values: Mapping[tuple[str, str], Mapping[str, float]],
    reference: str,
    tell: Callable[[int, int], None],
) -> tuple[Test, ...]:
    """Compare the reference with every other method by every measure; all of a task are one family to Holm."""
    others = [method for method in methods if method != reference]
    if reference not in methods:
        return ()
    tests: list[Test] = []
    directed = [metric for metric in metrics if metric.better]
    for metric in directed:
        for other in others:
            tell(len(tests), len(directed) * len(others))
            pairs = [
                (values[case, reference][metric.name], values[case, other][metric.name])
                for case in cases
                if metric.name in values.get((case, reference), {}) and metric.name in values.get((case, other), {})
            ]
            if len(pairs) < 2:
                tests.append(Test(metric.name, other, None, f"{len(pairs)} cases have both; at least 2 are needed"))
            else:
                one, two = zip(*pairs, strict=True)
                tests.append(Test(metric.name, other, compare_paired(one, two, level=LEVEL)))
    return _adjusted(tests)


def _tell(progress: Progress | None, task: str, done: int, total: int) -> None:
    if progress is not None:
        progress(f"tests {task}"[:24], done + 1, total)


def _adjusted(tests: Sequence[Test]) -> tuple[Test, ...]:
    found = [test.found for test in tests if test.found is not None]
    corrected = iter(holm([one.p_value for one in found]) if found else ())
    return tuple(
        test if test.found is None else replace(test, found=replace(test.found, adjusted=float(next(corrected))))
        for test in tests
    )

"""Run methods on a benchmark, measure them alike, and write the tables."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vera.evaluation.cases.benchmark import fingerprint, read_benchmark
from vera.evaluation.methods.folder import FolderMethod
from vera.evaluation.methods.method import Method
from vera.evaluation.methods.model import ModelMethod
from vera.evaluation.methods.parse import parse_methods
from vera.evaluation.predictions.clips import ClipBench, run_clips
from vera.evaluation.predictions.edits import write_edits
from vera.evaluation.predictions.metrics import PUBLISHED, choose_metrics
from vera.evaluation.predictions.networks import Networks
from vera.evaluation.predictions.run import keep_to
from vera.evaluation.reports.report import write_report
from vera.fields import check_counts
from vera.progress import Progress


def evaluate_benchmark(
    benchmark: str,
    out: Path,
    methods: Sequence[str],
    settings: Mapping[str, Any] | None = None,
    count: int | None = None,
    metrics: Sequence[str] = (),
    networks: Networks = Networks(),  # noqa: B008 (frozen)
    workers: int | None = None,
    report: Callable[[str], None] = print,
    progress: Progress | None = None,
) -> str:
    """Run methods on the cases of a benchmark, measure, and write `evaluation.md`, whose text is returned.

    Args:
        benchmark: a folder in the layout of the released data, or a data set on the hub.
        out: the run's folder. The same call goes on with a run that was stopped.
        methods: as `parse_methods` reads them; `settings` are those of models that do not say otherwise.
        count: only the first so many cases of each task.
        metrics: names of those to measure; all of the published comparison if empty.
        networks: the weights of learned metrics.
        workers: processes that share the work; None: one for each core, or for each GPU if there is a model.
        report: called with lines about folders whose clips are missing or strange.

    VeraError for methods that are not there, and for a folder that holds a run on other cases or by other metrics.
    """
    check_counts(workers=workers)
    names = tuple(metric.name for metric in choose_metrics(metrics or PUBLISHED))
    cases = read_benchmark(benchmark, count)
    chosen = parse_methods(methods, [case.id for case in cases], settings or {})
    reads = [path for case in cases for path in case.files] + [path for method in chosen for path in method.reads()]
    measured = {"names": list(names), "networks": asdict(networks)}
    run = {"benchmark": benchmark, "fingerprint": fingerprint(cases), "metrics": measured}
    with keep_to(out, run, reads):
        for method in chosen:
            for line in _told(method, len(cases)):
                report(line)
        bench = ClipBench(out, names, networks)
        records = run_clips(bench, cases, chosen, workers or _gpus(chosen), progress)
        write_edits(out)
        return write_report(out, records, [method.name for method in chosen])


def _told(method: Method, count: int) -> list[str]:
    """What the user should know of a folder before the work begins."""
    if not isinstance(method, FolderMethod):
        return []
    matches, lines = method.matches, []
    if matches.refused:
        case, reason = next(iter(matches.refused.items()))
        lines.append(f"{method.name}: {len(matches.found)} of {count} cases have a clip; {case}: {reason}")
    if matches.strangers:
        names = ", ".join(matches.strangers[:3]) + (", ..." if len(matches.strangers) > 3 else "")
        lines.append(f"{method.name}: {len(matches.strangers)} videos have no case's name: {names}")
    return lines


def _gpus(methods: Sequence[Method]) -> int | None:
    """As many processes as GPUs, if a model is to run on them: two copies of a large one do not fit on one."""
    import torch

    if any(isinstance(method, ModelMethod) for method in methods):
        return torch.cuda.device_count() or None
    return None

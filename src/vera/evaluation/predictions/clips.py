"""Run methods on cases that are clips on disk: edit, read, measure, and keep everything in the run's folder."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from vera.errors import VeraError
from vera.evaluation.cases.benchmark import ClipCase, case_fingerprint, load_frames
from vera.evaluation.cases.frames import CaseFrames
from vera.evaluation.cases.views import read_frames
from vera.evaluation.methods.method import Method
from vera.evaluation.predictions.collect import Job, collect, key_of
from vera.evaluation.predictions.edits import edit_folder, keep_preserved, note_edit
from vera.evaluation.predictions.galleries import open_galleries
from vera.evaluation.predictions.hits import Galleries
from vera.evaluation.predictions.measure import failed, measure
from vera.evaluation.predictions.measured import Measured
from vera.evaluation.predictions.metrics import choose_metrics
from vera.evaluation.predictions.networks import Networks
from vera.evaluation.predictions.read import layer_size, read_edit
from vera.evaluation.predictions.record import Record
from vera.evaluation.predictions.run import strip_path, use_threads
from vera.evaluation.predictions.strip import write_strip
from vera.files import full_disk
from vera.hardware import kept_threads
from vera.layers import load_layers, verify
from vera.progress import Progress
from vera.video import open_clip


@dataclass(frozen=True)
class ClipBench:
    """What measuring clips needs.

    Args:
        out: the run's folder.
        metrics: names of those that are measured.
        networks: of learned ones.
        at: whether pictures are compared at the size of the source, or of the layers.
        recognised: whether `out` holds galleries to recognise things by.
    """

    out: Path
    metrics: tuple[str, ...]
    networks: Networks = field(default_factory=Networks)
    at: Literal["source", "layers"] = "source"
    recognised: bool = False


@kept_threads()
def run_clips(
    bench: ClipBench,
    cases: Sequence[ClipCase],
    methods: Sequence[Method],
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Record]:
    """Records of every method on every case, method by method. What `bench.out` already holds is not done again.

    `workers` as in `collect`. VeraError if a case's clips cannot be read.
    """
    known = {case.id: case_fingerprint(case) for case in cases}
    jobs = []
    for method in methods:
        for case in cases:
            key = key_of(case=known[case.id], method=method.depends(case))
            jobs.append(Job(case.id, method.name, key, (bench, case, method, key)))
    return collect(bench.out, jobs, run_clip, workers, progress)


def run_clip(bench: ClipBench, case: ClipCase, method: Method, key: str) -> Record:
    """Edit and measure a case; its files stay in the run's folder."""
    use_threads()
    metrics = choose_metrics(bench.metrics)
    folder = edit_folder(bench.out, method.name, case.id)
    folder.mkdir(parents=True, exist_ok=True)
    source = open_clip(case.source)
    try:
        edited = method.edit(case, folder)
        size = None if bench.at == "source" or edited.layers is None else layer_size(edited.layers)
        found = read_edit(edited, source, size)
    except VeraError as error:
        if full_disk(error) is not None:
            raise
        return failed(case, method.name, key, metrics, str(error))
    frames = load_frames(case) if size is None else CaseFrames(read_frames(source, size))
    keep_preserved(bench.out, case.id, frames.preserved)
    measured = Measured(
        case,
        frames,
        found,
        _galleries(bench.out) if bench.recognised else None,
        bench.networks,
        (edited.result, case.source),
    )
    measures, skipped = measure(measured, metrics)
    if edited.layers is not None:
        try:
            counts = verify(source, edited.result, load_layers(edited.layers))
            measures |= {"preserved": float(counts.preserved), "changed": float(counts.changed)}
        except VeraError as error:  # of layers from elsewhere
            skipped["changed"] = str(error)
    note_edit(bench.out, method.name, case, edited)
    write_strip(strip_path(bench.out, case.id, method.name), frames.source, found, frames.composite)
    return Record(case.id, case.task, method.name, measures, skipped, key)


@lru_cache(maxsize=1)
def _galleries(out: Path) -> Galleries:
    return open_galleries(out)

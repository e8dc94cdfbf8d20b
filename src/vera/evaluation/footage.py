"""Real footage: edits of real clips, measured by what needs no truth, and all of them shown."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vera.data.synthesis.vocabulary import ASSETS, SPRITES
from vera.evaluation.cases.clips import Excerpt, cut_excerpts, real_excerpts
from vera.evaluation.cases.footage import FootageCase, footage_cases
from vera.evaluation.predictions.collect import collect
from vera.evaluation.predictions.hits import Galleries, object_hits, scene_hits
from vera.evaluation.predictions.predict import Candidate, Prediction
from vera.evaluation.predictions.record import Measures, Record
from vera.evaluation.predictions.runner import Bench, open_galleries, prepare, strip_path, use_threads
from vera.evaluation.predictions.strip import write_strip
from vera.evaluation.reports.report import verdict, write_report
from vera.evaluation.reports.sheet import Entry, write_sheet
from vera.layers import verify
from vera.metrics.coverage import coverage, leakage, sane_share
from vera.metrics.objects import to_alpha
from vera.metrics.placement import place_hit
from vera.metrics.temporal import warp_excess
from vera.pipelines import edit
from vera.progress import Progress
from vera.video import FrameReader, model_view, open_clip


def evaluate_footage(
    out: Path,
    model: str = "nano",
    lora: Sequence[str] = (),
    setting: Candidate = Candidate(),  # noqa: B008 (frozen)
    assets: str = ASSETS,
    renders: str | None = None,
    sprites: Sequence[str] = SPRITES,
    excerpts: Sequence[Excerpt] | None = None,
    cases: Sequence[FootageCase] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[str, list[Path]]:
    """Edit every clip by each of its instructions, as `vera edit` does, and write tables and a sheet for each clip.

    Returns the tables and the sheets. The same call goes on with a run that was stopped. VeraError if the clips, the
    model or what the measures need is missing, or if the folder holds another run.
    """
    excerpts = real_excerpts() if excerpts is None else excerpts
    cases = footage_cases() if cases is None else cases
    bench = Bench(model, tuple(lora), out, tuple(sprites), assets, "footage", renders)
    prepare(bench, [excerpt.path for excerpt in excerpts])
    clips = cut_excerpts(excerpts, out / "clips")
    jobs = [(case.index, setting.label, (bench, case, clips[case.clip], setting)) for case in cases]
    records = collect(out, jobs, edit_case, workers, progress)
    measures = {record.case: record.measures for record in records}
    sheets = []
    for clip in clips:
        own = [case for case in cases if case.clip == clip]
        strips = [strip_path(out, case.index, setting.label) for case in own]
        sheets.append(out / f"sheet-{clip}.jpg")
        write_sheet(
            sheets[-1],
            [
                Entry(strip, case.instruction, *verdict(measures[case.index]))
                for strip, case in zip(strips, own, strict=True)
            ],
        )
    return write_report(out, records, [setting.label]), sheets


def edit_case(bench: Bench, case: FootageCase, clip: Path, setting: Candidate) -> Record:
    """Edit one clip and measure; the files of the edit stay in the run's folder."""
    use_threads(bench)
    galleries = _galleries(bench)
    folder = bench.out / "edits" / f"{case.index:02}-{case.clip}"
    folder.mkdir(parents=True, exist_ok=True)
    result = folder / "result.mkv"
    done = edit(
        clip,
        case.instruction,
        out=result,
        model=bench.model,
        lora=bench.lora,
        seed=case.index,
        steps=setting.steps,
        guidance=setting.guidance,
        sampler=setting.sampler,
        progress=_quiet,
    )
    assert done.edit is not None  # this process writes
    source = read_view(clip, done.size)
    found = Prediction(
        np.asarray(done.edit.edit), to_alpha(np.asarray(done.edit.alpha)), None, read_view(result, done.size)
    )
    counts = verify(clip, result, done.edit)
    measures = {"preserved": float(counts.preserved), "changed": float(counts.changed)}
    measures |= measure_without_truth(case, source, found, galleries)
    write_strip(strip_path(bench.out, case.index, setting.label), source, found)
    return Record(case.index, case.task, setting.label, measures)


def measure_without_truth(
    case: FootageCase, source: NDArray[np.uint8], found: Prediction, galleries: Galleries
) -> Measures:
    """Those of the measures that need nothing but source `[T,H,W,3]` and edit."""
    measures: dict[str, float | None] = {
        "coverage": coverage(found.alpha),
        "warp_excess": warp_excess(found.result, source),
    }
    if case.noun is not None and case.place is not None:
        measures |= object_hits(case.noun, found, galleries)
        measures |= {"place_hit": place_hit(found.alpha, case.place)}
        measures |= {"sane_frames": sane_share(found.alpha), "leakage": leakage(found.alpha)}
    if case.scene is not None:
        measures |= scene_hits(case.scene, found, galleries)
    return {name: float(value) for name, value in measures.items() if value is not None}


def read_view(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """All frames of a clip as the model sees them, RGB `[T,H,W,3]` of `size` (width, height)."""
    orientation = open_clip(path).orientation
    with FrameReader(path) as reader:
        return np.stack([model_view(frame, *size, orientation) for frame in reader])


def _quiet(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches, which keeps the pipeline from drawing its own."""


@cache
def _galleries(bench: Bench) -> Galleries:
    return open_galleries(bench)

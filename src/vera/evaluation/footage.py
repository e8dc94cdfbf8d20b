"""Real footage: edits of real clips, measured by what needs no truth, and all of them shown."""

from collections.abc import Sequence
from pathlib import Path

from vera.data.synthesis import SyntheticLayers
from vera.data.synthesis.vocabulary import ASSETS, SPRITES
from vera.evaluation.cases.clips import Excerpt, cut_excerpts, real_excerpts
from vera.evaluation.cases.footage import FootageCase, footage_cases
from vera.evaluation.methods.model import ModelMethod
from vera.evaluation.predictions.clips import ClipBench, run_clips
from vera.evaluation.predictions.galleries import make_galleries
from vera.evaluation.predictions.metrics import FOOTAGE
from vera.evaluation.predictions.predict import Candidate
from vera.evaluation.predictions.run import keep_to, strip_path, use_threads
from vera.evaluation.reports.report import verdict, write_report
from vera.evaluation.reports.sheet import Entry, write_case_sheet
from vera.fingerprints import path_fingerprint
from vera.hardware import kept_threads
from vera.progress import Progress


@kept_threads()
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
    method = ModelMethod(setting.label, model, tuple(lora), 0, setting.steps, setting.guidance, setting.sampler)
    method.check()
    world = [Path(name) for name in (assets, renders) if name]
    run = {
        "model": model,
        "lora": list(lora),
        "sprites": list(sprites),
        "assets": assets,
        "renders": renders,
        "clips": [[each.name, path_fingerprint(each.path), each.start, each.frames] for each in excerpts],
    }
    with keep_to(out, run, [*method.reads(), *world, *(excerpt.path for excerpt in excerpts)]):
        use_threads()
        make_galleries(out, SyntheticLayers(tuple(sprites), assets=assets), renders)
        clips = cut_excerpts(excerpts, out / "clips")
        bench = ClipBench(out, FOOTAGE, at="layers", recognised=True)
        asked = [case.on(clips[case.clip]) for case in cases]
        records = run_clips(bench, asked, [method], workers, progress)
    measures = {record.case: record.measures for record in records}
    sheets = []
    for clip in clips:
        entries = [
            Entry(strip_path(out, case.id, method.name), case.instruction, *verdict(measures[case.id]))
            for case, told in zip(asked, cases, strict=True)
            if told.clip == clip and measures[case.id]  # the tables tell of edits that could not be made
        ]
        if entries:
            sheets.append(out / f"sheet-{clip}.jpg")
            write_case_sheet(sheets[-1], entries)
    return write_report(out, records, [method.name]), sheets

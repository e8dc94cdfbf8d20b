"""Write an evaluation's tables, as Markdown and JSON, and a sheet of every case for each task."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from vera.data.synthesis.cases import EvaluationCase
from vera.evaluation.cases.case import synthetic_case
from vera.evaluation.predictions.record import Measures, Record
from vera.evaluation.predictions.run import strip_path
from vera.evaluation.reports.sheet import Entry, write_case_sheet
from vera.evaluation.reports.table import curves, markdown, plain, summarize
from vera.whole import write_text

IOU = 0.9  # of the matte, below which a sheet calls a new background a miss


def write_report(out: Path, records: Sequence[Record], methods: Sequence[str]) -> str:
    """Write `evaluation.md` and `evaluation.json`; returns the former's text."""
    return _write(out / "evaluation", markdown(records, methods), records)


def write_curves(out: Path, records: Sequence[Record], methods: Sequence[str]) -> str:
    """Write `sweep.md` and `sweep.json`; returns the former's text."""
    return _write(out / "sweep", curves(records, methods), records)


def write_sheets(out: Path, cases: Sequence[EvaluationCase], records: Sequence[Record], method: str) -> list[Path]:
    """A picture of every case for each task that has any, misses in red; returns the files."""
    measures = {record.case: record.measures for record in records if record.method == method}
    paths = []
    for task in ("obj_add", "background_replace"):
        entries = [
            Entry(
                strip_path(out, case.id, method),
                f"{case.id}  {case.instruction}",
                *verdict(measures[case.id]),
            )
            for case in map(synthetic_case, cases)
            if case.task == task and strip_path(out, case.id, method).is_file()
        ]
        if entries:
            paths.append(out / f"sheet-{task}.jpg")
            write_case_sheet(paths[-1], entries)
    return paths


def verdict(measures: Measures) -> tuple[str, bool]:
    """What came of a case in words, and whether any of it is a miss."""
    texts, misses = [], []
    for name, title in (("object_top1", "object"), ("place_hit", "place"), ("scene_top1", "background")):
        if name in measures:
            misses.append(not measures[name])
            texts.append(f"{title} {'missed' if misses[-1] else 'hit'}")
    if "iou" in measures:
        misses.append(measures["iou"] < IOU)
        texts.append(f"matte IoU {measures['iou']:.2f}")
    return ", ".join(texts), any(misses)


def _write(stem: Path, text: str, records: Sequence[Record]) -> str:
    write_text(stem.with_suffix(".md"), text)
    content = {"summary": plain(summarize(records)), "records": [asdict(record) for record in records]}
    write_text(stem.with_suffix(".json"), json.dumps(content, indent=1) + "\n")
    return text

"""What a build has measured of its own stages, to take the place of figures from elsewhere."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from vera.construction.construct import build_status
from vera.construction.engine.record import Layout, read_record
from vera.construction.engine.stage import Stage
from vera.construction.estimate.estimate import figure_key
from vera.construction.estimate.figures import CLIP, FRAME, Figure, Work
from vera.construction.recipe import parse_size, read_recipe
from vera.resumable import read_rows

FEWEST = 5  # runs, below which a mean says little
RECORDS = 1000  # whose files are measured: those of the first clips


@dataclass
class _Runs:
    """Runs of a stage that ended, their seconds, and those of the processor."""

    count: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


def measured_work(out: Path, stages: Sequence[Stage], work: Mapping[str, Work]) -> dict[str, Work]:
    """`work` with the figures of the build in `out` for the stages that ran there at least `FEWEST` times.

    VeraError if there is no build.
    """
    status, layout = build_status(out), Layout(out)
    recipe = read_recipe(layout.recipe)
    width, height = parse_size(recipe.size, "size")
    pixels, clips = recipe.frames * width * height, len(list(layout.records("clip")))
    runs, sizes = _runs(layout), _sizes(layout)
    found = dict(work)
    for stage in stages:
        key, ran, done = figure_key(stage), runs[stage.name], status.count(stage.name, "done")
        ended = done + status.count(stage.name, "rejected")
        items = clips if stage.kind == "source" else ran.count
        if items < FEWEST or not ran.count:
            continue
        source = f"measured: {ran.count} runs in {out}"
        found[key] = replace(
            work[key],
            cpu=Figure(ran.cpu / items * FRAME / pixels, source),
            gpu=Figure(ran.seconds / items * CLIP / pixels, source) if stage.resources.gpus else work[key].gpu,
            size=Figure(sizes[stage.name] * FRAME / pixels, source),
            keeps=work[key].keeps if stage.kind == "source" else Figure(done / max(1, ended), source),
        )
    return found


def _runs(layout: Layout) -> dict[str, _Runs]:
    runs: dict[str, _Runs] = defaultdict(_Runs)
    for path in sorted(layout.events.glob("*.jsonl")):
        for row in read_rows(path, mend=False):
            if row.get("status") in ("done", "rejected") and "cpu" in row:
                ran = runs[row["stage"].rpartition("/")[2]]
                ran.count, ran.seconds, ran.cpu = ran.count + 1, ran.seconds + row["seconds"], ran.cpu + row["cpu"]
    return runs


def _sizes(layout: Layout) -> dict[str, float]:
    """Mean bytes of the files that a run of each stage keeps."""
    held: dict[str, list[int]] = defaultdict(list)
    for path in islice(layout.records("clip"), RECORDS):
        record = read_record(path)
        for key, entry in ({} if record is None else record.stages).items():
            files = [layout.root / name for name in entry.files]
            held[key.rpartition("/")[2]].append(sum(file.stat().st_size for file in files if file.is_file()))
    return defaultdict(float, {stage: sum(sizes) / len(sizes) for stage, sizes in held.items()})

"""Compare recipes: train each with several seeds and run them on the same held-out cases."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Literal

from vera.data.sample import Task
from vera.data.sources import data_kind, open_layer_data
from vera.data.synthesis.cases import evaluation_cases
from vera.data.synthesis.dataset import SyntheticLayers, most_drawn
from vera.data.synthesis.vocabulary import ASSETS, SPRITES
from vera.errors import VeraError
from vera.evaluation.predictions.metrics import Metric, metrics_of
from vera.evaluation.predictions.predict import Candidate
from vera.evaluation.predictions.synthetic import Bench, run_cases
from vera.evaluation.reports.table import TITLES, summarize
from vera.fields import check_counts
from vera.files import check_outputs
from vera.fingerprints import path_fingerprint
from vera.markdown import markdown_text
from vera.pipelines.folders.hub import on_disk
from vera.pipelines.init import init_pipeline
from vera.progress import Progress
from vera.resumable import alone_in, keep_note
from vera.training import load_recipe
from vera.training.latents import LAYERS
from vera.training.recipe import Recipe, default_fields
from vera.training.recipe_file import recipe_files
from vera.training.run.checkpoint import latest_checkpoint, read_record
from vera.training.run.log import read_log
from vera.training.run.loop import train
from vera.whole import scratch_folder, write_text

MODEL = Candidate()
NOTE = "ablation.json"  # what a run, or the model that it starts from, is made of
# Fields of a recipe that this module sets, or that say only where and how often something is done.
FREE = ("output", "seed", "device", "workers", "threads", "log_every", "checkpoint_every", "sample_every")
Part = Task | Literal["training"]
LOSSES = tuple(
    Metric(name=layer, title=f"loss of {layer}", better="down", definition="of the log", digits=3) for layer in LAYERS
)
SECTIONS: tuple[tuple[Part, str, Sequence[Metric]], ...] = (
    *((task, title, metrics_of(task)) for task, title in TITLES.items()),
    ("training", "Second half of training", LOSSES),
)


@dataclass(frozen=True)
class Outcome:
    """Means of one measure, one value for each seed: over a task's cases, or over the second half of training."""

    recipe: str
    part: Part
    measure: str
    values: tuple[float, ...]


def evaluate_ablations(
    recipes: Sequence[Path],
    out: Path,
    base: str | None = None,
    seeds: int = 3,
    count: int = 60,
    workers: int | None = None,
    report: Callable[[str], None] = print,
    progress: Progress | None = None,
) -> str:
    """Train every recipe with seeds 1 to `seeds`, measure each on `count` held-out cases, and write the table.

    The cases are pictures or clips as the first recipe's data ends: its first size, and the frames that its last stage
    draws most. With `base`, each recipe's network starts as `init_pipeline` makes it from that text-to-video model. The
    same call goes on with what was stopped. Returns `ablations.md`'s text; numbers of every seed are in
    `ablations.json`. VeraError as `train`, `run_cases` and `init_pipeline`, for recipes of one name, with other data or
    with data that are not synthetic, where `out` holds runs by another recipe or from another base, and where another
    process writes into it.
    """
    check_counts(seeds=seeds, count=count, workers=workers)
    names = [path.stem for path in recipes]
    if len(set(names)) < len(names) or not names:
        raise VeraError("ablations: name recipes, no two files of one name")
    data = load_recipe(recipes[0]).data
    for path in recipes:
        if load_recipe(path).data != data:
            raise VeraError(f"{path}: has other data than {recipes[0]}; only models of the same data can be compared")
    written = [out / f"{name}-{seed}" / "recipe.yaml" for name in names for seed in range(1, seeds + 1)]
    check_outputs(
        [file for path in recipes for file in recipe_files(path)],
        [*written, out / "ablations.md", out / "ablations.json"],
    )
    if data_kind(data) != "synthetic":
        raise VeraError(
            f"{recipes[0]}: data: the cases are synthetic clips, as of `kind: synthetic`; take such recipes"
        )
    source = open_layer_data(data, held_out=True)
    assert isinstance(source, SyntheticLayers)
    found: dict[tuple[str, Part, str], list[float]] = {}
    sprites, assets = tuple(data.get("sprites", SPRITES)), data.get("assets", ASSETS)
    cases = evaluation_cases(count, sprites, most_drawn(source.stages[-1].frames), *source.sizes[0])
    with alone_in(out):  # or notes of runs would be written anew while another process trains by them
        for path in recipes:
            for seed in range(1, seeds + 1):
                folder = out / f"{path.stem}-{seed}"
                _train(path, folder, seed, base, report)
                for layer, loss in _losses(folder).items():
                    found.setdefault((path.stem, "training", layer), []).append(loss)
                bench = Bench(str(folder / "ema"), (), folder / "answers", sprites, assets)
                records = run_cases(bench, cases, [MODEL], workers, progress)
                for task, candidates in summarize(records).items():
                    for name, estimate in candidates[MODEL.label].items():
                        found.setdefault((path.stem, task, name), []).append(estimate.mean)
        outcomes = [Outcome(*key, tuple(values)) for key, values in found.items()]
        text = table(outcomes, names)
        write_text(out / "ablations.md", text)
        write_text(out / "ablations.json", json.dumps([asdict(o) for o in outcomes], indent=1) + "\n")
    return text


def _train(path: Path, folder: Path, seed: int, base: str | None, report: Callable[[str], None]) -> None:
    """Train by the recipe with another seed, into `folder`; KeyboardInterrupt if that was stopped before its end.

    Of a run that has ended nothing is left to do but an export that it may lack.
    """
    recipe = load_recipe(path)
    overrides: dict[str, object] = {"output": str(folder), "seed": seed}
    made = {name: value for name, value in asdict(recipe).items() if name not in FREE}
    if base is not None:
        start = folder.parent / f"{path.stem}-start"
        made["init"] = _make_start(base, start, recipe)
        overrides["init"] = str(start / "transformer")
    folder.mkdir(parents=True, exist_ok=True)
    if _steps_done(folder) == 0:  # begun anew, by whichever recipe
        (folder / NOTE).unlink(missing_ok=True)
    known = {name: value for name, value in default_fields(recipe).items() if name in made}
    keep_note(folder / NOTE, made, "a run", known)
    train(path, overrides=overrides, report=report)
    if _steps_done(folder) < recipe.steps:
        raise KeyboardInterrupt


def _make_start(base: str, start: Path, recipe: Recipe) -> str:
    """Make a recipe's model from a base, once, into `start`; returns what tells the base from others."""
    found = on_disk(base)
    identity = base if found is None else path_fingerprint(found)
    made = {"base": identity, "variant": recipe.variant, "model": recipe.model}
    if not start.exists():
        with scratch_folder(start) as scratch:  # or a kill might leave it without its note, for any base to take
            init_pipeline(base, scratch / start.name, recipe.variant, model_config=recipe.model)
            keep_note(scratch / start.name / NOTE, made, "a model to start from")
            (scratch / start.name).rename(start)
    keep_note(start / NOTE, made, "a model to start from")
    return identity


def _losses(folder: Path) -> dict[str, float]:
    """Means of what the log has of each layer's loss in the second half of the run."""
    rows = read_log(folder)
    late = [row for row in rows if "loss" in row and row["step"] > rows[-1]["step"] / 2]
    return {layer: fmean(row[layer] for row in late) for layer in LAYERS if late and layer in late[0]}


def _steps_done(folder: Path) -> int:
    checkpoint = latest_checkpoint(folder / "checkpoints")
    return 0 if checkpoint is None else int(read_record(checkpoint)["step"])


def table(outcomes: Sequence[Outcome], recipes: Sequence[str]) -> str:
    """Markdown: a row for each measure, a column for each recipe, mean and standard deviation over the seeds."""
    found = {(outcome.recipe, outcome.part, outcome.measure): outcome.values for outcome in outcomes}
    lines = []
    for part, title, metrics in SECTIONS:
        lines += [
            f"{title}:",
            "",
            "| | " + " | ".join(map(markdown_text, recipes)) + " |",
            "|---" * (len(recipes) + 1) + "|",
        ]
        for metric in metrics:
            cells = [_cell(metric, found.get((recipe, part, metric.name))) for recipe in recipes]
            if any(cells):
                lines.append(f"| {metric.heading} {metric.arrow} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _cell(metric: Metric, values: Sequence[float] | None) -> str:
    if values is None:
        return ""
    scaled = [value * metric.scale for value in values]
    spread = f" ± {stdev(scaled):.{metric.digits}f}" if len(scaled) > 1 else ""
    return f"{fmean(scaled):.{metric.digits}f}{spread}"

"""Evaluate a model on held-out cases beside reference baselines, and settings of it on validation cases."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from vera.data.synthesis.cases import evaluation_cases
from vera.errors import VeraError
from vera.evaluation.cases.validation import validation_cases
from vera.evaluation.predictions.predict import Candidate
from vera.evaluation.predictions.synthetic import Bench, run_cases
from vera.evaluation.reports.report import write_curves, write_report, write_sheets
from vera.fields import check_counts
from vera.progress import Progress

BASELINES = (Candidate("autoencoder"), Candidate("truth"), Candidate("empty"))
SHAPE = (17, 256, 144)  # frames, width, height
_TYPES: dict[str, type] = {"steps": int, "guidance": float, "sampler": str, "shift": float}


def evaluate_held_out(
    bench: Bench,
    count: int = 200,
    setting: Candidate = Candidate(),  # noqa: B008 (frozen)
    baselines: Sequence[Candidate] = BASELINES,
    shape: tuple[int, int, int] = SHAPE,
    workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[str, list[Path]]:
    """Run a model on `count` held-out cases of `shape` (frames, width, height) and write the report into `bench.out`.

    Beside the model, with its LoRAs, stand the reference baselines. Returns the tables and the sheets. The same call
    goes on with a run that was stopped. VeraError as `run_cases`.
    """
    check_counts(count=count, workers=workers)
    bench, candidates = replace(bench, split="held_out"), [setting, *baselines]
    cases = evaluation_cases(count, bench.sprites, *shape)
    records = run_cases(bench, cases, candidates, workers, progress)
    text = write_report(bench.out, records, [candidate.label for candidate in candidates])
    return text, write_sheets(bench.out, cases, records, setting.label)


def sweep_settings(
    bench: Bench,
    sweep: Sequence[str],
    count: int = 40,
    shape: tuple[int, int, int] = SHAPE,
    workers: int | None = None,
    progress: Progress | None = None,
) -> str:
    """Run a model on `count` validation cases for each combination of settings (`steps=4,8`); write the curves."""
    check_counts(count=count, workers=workers)
    bench, candidates = replace(bench, split="validation"), parse_sweep(sweep)
    records = run_cases(bench, validation_cases(count, bench.sprites, *shape), candidates, workers, progress)
    return write_curves(bench.out, records, [candidate.label for candidate in candidates])


def parse_sweep(texts: Sequence[str]) -> list[Candidate]:
    """Every combination of the values of `name=value,value`; VeraError for what is no setting."""
    axes: dict[str, list[Any]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        if name not in _TYPES:
            raise VeraError(f"sweep is {' or '.join(_TYPES)}=VALUE,VALUE, not {text!r}")
        try:
            axes[name] = [_TYPES[name](value) for value in values.split(",")]
        except ValueError:
            raise VeraError(f"sweep {text!r}: {name} is a number") from None
    return [Candidate("model", **dict(zip(axes, values, strict=True))) for values in product(*axes.values())]

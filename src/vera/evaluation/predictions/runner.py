"""Run each candidate on each case; write one metrics record a pair."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import cv2
import torch

from vera.data.synthesis import SyntheticLayers
from vera.data.synthesis.cases import EvaluationCase
from vera.errors import VeraError
from vera.evaluation.cases.references import object_cutouts, scene_panoramas
from vera.evaluation.predictions.collect import RECORDS, collect
from vera.evaluation.predictions.hits import Galleries
from vera.evaluation.predictions.measure import measure
from vera.evaluation.predictions.predict import Candidate, predict
from vera.evaluation.predictions.record import Record
from vera.evaluation.predictions.strip import write_strip
from vera.files import check_outputs, read_json, write_text
from vera.metrics.recognition.features import load_embedding
from vera.metrics.recognition.gallery import read_gallery, save_gallery
from vera.metrics.recognition.object_hit import object_gallery
from vera.metrics.recognition.scene_hit import scene_gallery
from vera.models.fingerprint import fingerprint
from vera.pipelines import VeraPipeline, load_pipeline
from vera.pipelines.inputs import model_files
from vera.progress import Progress

RUN = "run.json"
# What the runs write into their folder.
WRITTEN = (RUN, RECORDS, "objects.npz", "scenes.npz", "strips", "clips", "edits")


@dataclass(frozen=True)
class Bench:
    """What predictions and measures need: the model with its LoRAs, the cases' world and a folder.

    The cases are held-out or trained samples of `SyntheticLayers(sprites, assets)`, or clips. Objects are told apart
    among the sprites and, where there is such a folder, the things in `renders`.
    """

    model: str
    lora: tuple[str, ...]
    out: Path
    sprites: tuple[str, ...]
    assets: str
    split: Literal["held_out", "validation", "footage"]
    renders: str | None = None
    threads: int = 1


def run_cases(
    bench: Bench,
    cases: Sequence[EvaluationCase],
    candidates: Sequence[Candidate],
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Record]:
    """Records of every candidate on every case, by case. What `bench.out` already holds is not done again.

    `workers` processes (None: one for each core, at most eight with a GPU) share the work. VeraError if the folder
    holds the records of another run, or if model, assets or the measuring network are missing.
    """
    prepare(bench)
    jobs = [(case.index, candidate.label, (bench, case, candidate)) for case in cases for candidate in candidates]
    return collect(bench.out, jobs, run_case, workers, progress)


def prepare(bench: Bench, read: Iterable[Path] = ()) -> None:
    """Make the folder of a run, with the prototypes of all classes.

    VeraError if it is another run's, or if the run would write over its model, its assets or the files `read`.
    """
    inputs = [*model_files(bench.model, bench.lora), *(Path(name) for name in (bench.assets, bench.renders) if name)]
    check_outputs([*inputs, *read], [bench.out / name for name in WRITTEN])
    bench.out.mkdir(parents=True, exist_ok=True)
    _check_same_run(bench)
    _make_galleries(bench)


def strip_path(out: Path, case: int, candidate: str) -> Path:
    """File of the picture strip of a case."""
    return out / "strips" / candidate.replace(" ", "_") / f"{case:04}.jpg"


def run_case(bench: Bench, case: EvaluationCase, candidate: Candidate) -> Record:
    """Run a candidate on a case, measure the layers and, of a model, write their strip."""
    pipeline, layers, galleries = _open(bench)
    truth = layers.load(case.key)
    found = predict(candidate, pipeline, truth, seed=case.index)
    measures = measure(case, truth, found, galleries)
    if candidate.kind == "model":
        write_strip(strip_path(bench.out, case.index, candidate.label), truth.source, found, truth.composite)
    return Record(case.index, case.task, candidate.label, measures)


@cache
def _open(bench: Bench) -> tuple[VeraPipeline, SyntheticLayers, Galleries]:
    """What a process works with, opened once."""
    use_threads(bench)
    pipeline = load_pipeline(bench.model, lora=bench.lora)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline, _open_layers(bench), open_galleries(bench)


def open_galleries(bench: Bench) -> Galleries:
    """The prototypes that `prepare` left, and the network that made them."""
    objects, scenes = (read_gallery(bench.out / f"{name}.npz") for name in ("objects", "scenes"))
    return Galleries(objects, scenes, load_embedding())


def use_threads(bench: Bench) -> None:
    """Processes share the cores among themselves, which threads do far worse."""
    torch.set_num_threads(bench.threads)
    cv2.setNumThreads(bench.threads)


def _open_layers(bench: Bench) -> SyntheticLayers:
    return SyntheticLayers(bench.sprites, assets=bench.assets, held_out=bench.split == "held_out")


def _make_galleries(bench: Bench) -> None:
    """Prototypes of all classes, computed once for a folder."""
    if (bench.out / "scenes.npz").is_file():
        return
    use_threads(bench)
    embed = load_embedding()
    layers = _open_layers(bench)
    save_gallery(object_gallery(object_cutouts(layers, bench.renders), embed), bench.out / "objects.npz")
    save_gallery(scene_gallery(scene_panoramas(layers), embed), bench.out / "scenes.npz")


def _check_same_run(bench: Bench) -> None:
    """VeraError if the folder holds predictions of other weights or for other samples; else note what it holds."""
    pipeline = load_pipeline(bench.model, device="cpu", lora=bench.lora)
    run = {
        "model": bench.model,
        "lora": list(bench.lora),
        "weights": [fingerprint(network) for network in (pipeline.transformer, pipeline.vae)],
        "sprites": list(bench.sprites),
        "renders": bench.renders,
        "split": bench.split,
    }
    path = bench.out / RUN
    if path.is_file():
        with suppress(VeraError):
            if read_json(path) == run:
                return
        raise VeraError(f"{bench.out}: holds the records of another model or of other cases: name another folder")
    write_text(path, json.dumps(run, indent=2) + "\n")

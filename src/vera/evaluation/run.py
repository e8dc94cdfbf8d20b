"""Candidates answer cases, in parallel and resumably: one JSON line for each answer, under `records.jsonl`."""

import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import torch

from vera.data.synthesis import SyntheticLayers
from vera.data.synthesis.cases import EvaluationCase
from vera.data.synthesis.vocabulary import nouns
from vera.errors import VeraError
from vera.evaluation.answer import Candidate, answer
from vera.evaluation.features import load_embedding
from vera.evaluation.gallery import read_gallery, save_gallery
from vera.evaluation.measure import Galleries, measure
from vera.evaluation.object_hit import object_gallery
from vera.evaluation.scene_hit import scene_gallery
from vera.evaluation.sheet import write_strip
from vera.evaluation.table import Record
from vera.pipelines import VeraPipeline, load_pipeline

Progress = Callable[[str, int, int], None]
RECORDS, RUN = "records.jsonl", "run.json"


@dataclass(frozen=True)
class Bench:
    """What answers and measures need: the model, the cases' world and a folder.

    `held_out` tells which half of `SyntheticLayers(sprites, assets)` the cases' keys are for.
    """

    model: str
    out: Path
    sprites: tuple[str, ...]
    assets: str
    held_out: bool
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
    bench.out.mkdir(parents=True, exist_ok=True)
    _check_same_run(bench)
    _make_galleries(bench)
    records = read_records(bench.out)
    done = {(record.case, record.candidate) for record in records}
    jobs = [
        (case, candidate) for case in cases for candidate in candidates if (case.index, candidate.label) not in done
    ]
    total = len(cases) * len(candidates)
    with (bench.out / RECORDS).open("a", encoding="utf-8") as file:
        for record in _work(bench, jobs, workers):
            file.write(json.dumps(asdict(record)) + "\n")
            file.flush()
            records.append(record)
            if progress is not None:
                progress("measure", total - len(jobs) + len(records) - len(done), total)
    wanted = {case.index for case in cases}, {candidate.label for candidate in candidates}
    return sorted(
        (record for record in records if record.case in wanted[0] and record.candidate in wanted[1]),
        key=lambda record: record.case,
    )


def read_records(out: Path) -> list[Record]:
    """The records of a folder; a last line that a kill cut short is dropped from the file, too."""
    path = out / RECORDS
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    return [Record(**json.loads(line)) for line in whole.splitlines()]


def strip_path(out: Path, case: int, candidate: str) -> Path:
    return out / "strips" / candidate.replace(" ", "_") / f"{case:04}.jpg"


def _work(bench: Bench, jobs: Sequence[tuple[EvaluationCase, Candidate]], workers: int | None) -> Iterator[Record]:
    count = min(workers or _default_workers(), max(len(jobs), 1))
    if count == 1:
        yield from (_answer_case(bench, *job) for job in jobs)
        return
    # A forked process would inherit torch's thread pools and CUDA in a broken state.
    # An interruption is for this process alone, which then ends the others.
    ignore = (signal.SIGINT, signal.SIG_IGN)
    with ProcessPoolExecutor(count, get_context("spawn"), signal.signal, ignore) as pool:
        waiting = [pool.submit(_answer_case, bench, *job) for job in jobs]
        try:
            for future in as_completed(waiting):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _default_workers() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 8) if torch.cuda.is_available() else cores


def _answer_case(bench: Bench, case: EvaluationCase, candidate: Candidate) -> Record:
    pipeline, layers, galleries = _open(bench)
    truth = layers.load(case.key)
    found = answer(candidate, pipeline, truth, seed=case.index)
    measures = measure(case, truth, found, galleries)
    if candidate.kind == "model":
        write_strip(strip_path(bench.out, case.index, candidate.label), found, truth)
    return Record(case.index, case.task, candidate.label, measures)


@cache
def _open(bench: Bench) -> tuple[VeraPipeline, SyntheticLayers, Galleries]:
    """What a process works with, opened once."""
    _use_threads(bench)
    pipeline = load_pipeline(bench.model)
    pipeline.set_progress_bar_config(disable=True)
    objects, scenes = (read_gallery(bench.out / f"{name}.npz") for name in ("objects", "scenes"))
    return pipeline, _open_layers(bench), Galleries(objects, scenes, load_embedding())


def _use_threads(bench: Bench) -> None:
    """Processes share the cores among themselves, which threads do far worse."""
    torch.set_num_threads(bench.threads)
    cv2.setNumThreads(bench.threads)


def _open_layers(bench: Bench) -> SyntheticLayers:
    return SyntheticLayers(bench.sprites, assets=bench.assets, held_out=bench.held_out)


def _make_galleries(bench: Bench) -> None:
    """Prototypes of all classes, computed once for a folder."""
    if (bench.out / "scenes.npz").is_file():
        return
    _use_threads(bench)
    embed = load_embedding()
    objects, scenes = class_pictures(_open_layers(bench))
    save_gallery(object_gallery(objects, embed), bench.out / "objects.npz")
    save_gallery(scene_gallery(scenes, embed), bench.out / "scenes.npz")


def class_pictures(layers: SyntheticLayers) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """The cut-outs (straight RGBA) of every class of objects, and the panorama (RGB) of every scene, by name."""
    objects: dict[str, list[Any]] = {}
    for name, rgba in layers.sprites.items():
        objects.setdefault(nouns(name)[0], []).append(rgba)
    return objects, {name: panorama.rgb for name, panorama in layers.panoramas.items()}


def _check_same_run(bench: Bench) -> None:
    """VeraError if the folder holds answers of other weights or about other samples; else note what it holds."""
    run = {
        "model": bench.model,
        "weights": _fingerprint(load_pipeline(bench.model, device="cpu")),
        "sprites": list(bench.sprites),
        "held_out": bench.held_out,
    }
    path = bench.out / RUN
    if path.is_file():
        with suppress(ValueError):
            if json.loads(path.read_text(encoding="utf-8")) == run:
                return
        raise VeraError(f"{bench.out}: holds the records of another model or of other cases: name another folder")
    path.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")


def _fingerprint(pipeline: VeraPipeline) -> str:
    """Equal for equal weights of transformer and autoencoder."""
    digest = sha256()
    for network in (pipeline.transformer, pipeline.vae):
        for name, tensor in sorted(network.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()

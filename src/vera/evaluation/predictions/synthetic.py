"""Run a model and reference baselines on synthetic cases, which are rendered where they are measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from vera.data.synthesis import SyntheticLayers
from vera.data.synthesis.cases import EvaluationCase
from vera.errors import VeraError
from vera.evaluation.cases.case import synthetic_case
from vera.evaluation.cases.frames import CaseFrames
from vera.evaluation.methods.opening import open_model
from vera.evaluation.predictions.collect import Job, collect, key_of
from vera.evaluation.predictions.galleries import make_galleries, open_galleries
from vera.evaluation.predictions.hits import Galleries
from vera.evaluation.predictions.measure import failed, measure
from vera.evaluation.predictions.measured import Measured
from vera.evaluation.predictions.metrics import HELD_OUT, choose_metrics
from vera.evaluation.predictions.predict import Candidate, predict
from vera.evaluation.predictions.record import Record
from vera.evaluation.predictions.run import keep_to, strip_path, use_threads
from vera.evaluation.predictions.strip import write_strip
from vera.hardware import kept_threads
from vera.metrics.preservation import changed_samples
from vera.models.fingerprint import fingerprint
from vera.pipelines import VeraPipeline
from vera.pipelines.editors.adapters.adapter import Adapter
from vera.pipelines.inputs import model_files
from vera.progress import Progress


@dataclass(frozen=True)
class Bench:
    """What predictions and measures need: the model with its LoRAs, the cases' world and a folder.

    The cases are held-out or trained samples of `SyntheticLayers(sprites, assets)`. Objects are told apart among the
    sprites and, where there is such a folder, the things in `renders`.
    """

    model: str
    lora: tuple[str, ...]
    out: Path
    sprites: tuple[str, ...]
    assets: str
    renders: str | None = None
    split: Literal["held_out", "validation"] = "held_out"
    threads: int = 1

    def layers(self) -> SyntheticLayers:
        """Open the cases' world. VeraError where assets are missing."""
        return SyntheticLayers(self.sprites, assets=self.assets, held_out=self.split == "held_out")

    def run(self) -> dict[str, object]:
        """Say what the folder keeps to: the weights, and the world."""
        pipeline = open_model(self.model, self.lora, "cpu")
        inner = pipeline.pipeline if isinstance(pipeline, Adapter) else pipeline
        return {
            "model": self.model,
            "lora": list(self.lora),
            "weights": [fingerprint(network) for network in (inner.transformer, inner.vae)],
            "sprites": list(self.sprites),
            "assets": self.assets,
            "renders": self.renders,
            "split": self.split,
        }


@kept_threads()
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
    reads = [*model_files(bench.model, bench.lora), *(Path(name) for name in (bench.assets, bench.renders) if name)]
    jobs = [
        Job(f"{case.index:04}", candidate.label, _key(case, candidate), (bench, case, candidate))
        for case in cases
        for candidate in candidates
    ]
    with keep_to(bench.out, bench.run(), reads):
        use_threads(bench.threads)
        make_galleries(bench.out, bench.layers(), bench.renders)
        return collect(bench.out, jobs, run_case, workers, progress)


def run_case(bench: Bench, case: EvaluationCase, candidate: Candidate) -> Record:
    """Run a candidate on a case, measure the layers and, of a model, write their strip."""
    pipeline, layers, galleries = _open(bench)
    truth = layers.load(case.key)
    asked, metrics, key = synthetic_case(case), choose_metrics(HELD_OUT), _key(case, candidate)
    try:
        found = predict(candidate, pipeline, truth, seed=case.index)
    except VeraError as error:
        return failed(asked, candidate.label, key, metrics, str(error))
    measures, skipped = measure(Measured(asked, CaseFrames.of_sample(truth), found, galleries), metrics)
    assert found.alpha is not None
    measures["preserved"], measures["changed"] = changed_samples(found.result, truth.source, found.alpha == 0)
    if candidate.kind == "model":
        write_strip(strip_path(bench.out, asked.id, candidate.label), truth.source, found, truth.composite)
    return Record(asked.id, case.task, candidate.label, measures, skipped, key)


def _key(case: EvaluationCase, candidate: Candidate) -> str:
    return key_of(case=vars(case), candidate=vars(candidate))


@cache
def _open(bench: Bench) -> tuple[VeraPipeline | Adapter, SyntheticLayers, Galleries]:
    """What a process works with, opened once."""
    use_threads(bench.threads)
    return open_model(bench.model, bench.lora), bench.layers(), open_galleries(bench.out)

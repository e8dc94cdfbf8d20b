"""A pipeline that stays loaded for many edits, and a sampler of one's choice."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler
from tests.loras import adapt, save_adapter

from vera import VeraError
from vera.layers import load_layers
from vera.models import VeraTransformer3DModel
from vera.pipelines import Acceleration, EditJob, ModelChoice, Sampling, VeraPipeline, edit, load_pipeline, run_edit
from vera.pipelines.load import choice_of

MakePipeline = Callable[..., VeraPipeline]
ClipMaker = Callable[..., Path]
TEXT = "add a red balloon"


@pytest.fixture
def model(make_pipeline: MakePipeline, tmp_path: Path) -> Path:
    make_pipeline(window_frames=5, window_overlap=0).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def written(folder: Path) -> dict[str, Any]:
    """The layers' bytes, and what their manifest says."""
    files: dict[str, Any] = {name: (folder / name).read_bytes() for name in ("edit.mkv", "alpha.mkv")}
    return files | json.loads((folder / "manifest.json").read_text())


def test_a_loaded_pipeline_makes_the_same_edits_and_manifests(
    model: Path, make_clip: ClipMaker, tmp_path: Path
) -> None:
    pipeline = load_pipeline(str(model), device="cpu")
    pipeline.set_progress_bar_config(disable=False, leave=False)
    scheduler, bar = pipeline.scheduler, pipeline._progress_bar_config
    for index, frames in enumerate((3, 6)):
        source = make_clip(f"{index}.mkv", frames)
        for name, how in (("loaded", {"pipeline": pipeline}), ("named", {"model": model, "device": "cpu"})):
            edit(source, TEXT, seed=index, layers=tmp_path / f"{index}{name}", result=False, **how)
        assert written(tmp_path / f"{index}loaded") == written(tmp_path / f"{index}named")
    assert pipeline.scheduler is scheduler and pipeline._progress_bar_config == bar


def test_a_pipeline_that_was_not_loaded_by_name_says_what_it_is(
    make_pipeline: MakePipeline, make_clip: ClipMaker
) -> None:
    report = edit(make_clip("a.mkv", 2), TEXT, pipeline=make_pipeline())
    about = report.edit.metadata
    assert (about["model"], about["lora"], about["steps"]) == ("VeraPipeline", [], 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "nano"}, "leave out model, or the pipeline"),
        ({"lora": ["a.safetensors"], "dtype": "float32"}, "leave out dtype, lora, or the pipeline"),
        ({"acceleration": Acceleration(), "device": "cpu"}, "leave out device, acceleration, or the pipeline"),
    ],
)
def test_what_a_loaded_pipeline_cannot_be_told(
    make_pipeline: MakePipeline, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(VeraError, match=words):
        edit("gone.mkv", TEXT, pipeline=make_pipeline(), **options)


def test_no_pipeline() -> None:
    with pytest.raises(VeraError, match="pipeline is what load_pipeline or load_editor gives, not str"):
        edit("gone.mkv", TEXT, pipeline="nano")  # type: ignore[arg-type]


def test_the_pipeline_is_spared_as_the_named_model_is(model: Path, make_clip: ClipMaker) -> None:
    pipeline = load_pipeline(str(model))
    for how in ({"model": model}, {"pipeline": pipeline}):
        with pytest.raises(VeraError, match="is read"):
            edit(make_clip("a.mkv"), TEXT, out=next((model / "vae").glob("*.safetensors")), **how)


def test_loras_that_were_changed_since_are_said(model: Path, tmp_path: Path) -> None:
    transformer = VeraTransformer3DModel.from_pretrained(model / "transformer")
    save_adapter(VeraPipeline, transformer, adapt(transformer), tmp_path / "lora")
    named = load_pipeline(str(model), lora=[tmp_path / "lora"])
    assert choice_of(named).lora == (str(tmp_path / "lora"),)
    named.disable_lora()
    named.unload_lora_weights()
    assert choice_of(named).lora == ()
    later = load_pipeline(str(model))
    later.load_lora_weights(tmp_path / "lora", adapter_name="look")
    assert choice_of(later).lora == ("look",)


# Jobs


def test_a_job_is_done_by_its_model_alone(model: Path, make_clip: ClipMaker, tmp_path: Path) -> None:
    source, pipeline = make_clip("a.mkv", 2), load_pipeline(str(model), device="cpu")
    job = EditJob.check(source, f"  {TEXT}\n", model=choice_of(pipeline), sampling=Sampling(seed=3))
    assert job.instruction == TEXT and job.edited == range(2) and job.out == tmp_path / "a-vera.mkv"
    report = run_edit(job, pipeline=pipeline)
    one = report.out.read_bytes()
    again = edit(source, TEXT, model=model, device="cpu", seed=3, out=tmp_path / "again.mkv")
    assert one == again.out.read_bytes()
    other = EditJob.check(source, TEXT, model=ModelChoice(str(model), device="cpu", dtype="float32"))
    with pytest.raises(VeraError, match="loaded otherwise"):
        run_edit(other, pipeline=pipeline)


# Samplers


def test_a_sampler_of_choice(make_pipeline: MakePipeline, make_clip: ClipMaker, tmp_path: Path) -> None:
    """The same as a model whose scheduler is that one; and the pipeline has its own again."""
    source, own = make_clip("a.mkv", 3), FlowMatchEulerDiscreteScheduler(shift=3.0)
    unipc = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    runs = {
        "euler": (make_pipeline(scheduler=own), {}),
        "chosen": (make_pipeline(scheduler=own), {"sampler": "unipc"}),
        "unipc": (make_pipeline(scheduler=unipc), {}),
    }
    for name, (pipeline, options) in runs.items():
        scheduler = pipeline.scheduler
        edit(source, TEXT, pipeline=pipeline, layers=tmp_path / name, result=False, steps=4, **options)
        assert pipeline.scheduler is scheduler
    kept = {name: load_layers(tmp_path / name) for name in runs}
    assert np.array_equal(kept["chosen"].edit, kept["unipc"].edit)
    assert not np.array_equal(kept["chosen"].edit, kept["euler"].edit)
    about = kept["chosen"].metadata
    assert (about["sampler"], about["scheduler"], about["shift"]) == ("unipc", "UniPCMultistepScheduler", 3.0)
    assert (kept["euler"].metadata["sampler"], kept["euler"].metadata["steps"]) == (None, 4)


def test_unknown_sampler(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="sampler is euler or unipc, not 'ddim'"):
        edit(tmp_path / "gone.mkv", TEXT, sampler="ddim")  # type: ignore[arg-type]

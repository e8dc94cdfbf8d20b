"""The job `edit`: a take by a model, which stays loaded for the next one."""

import gc
import warnings
from typing import TYPE_CHECKING, Any

from vera.jobs.kinds.inputs import checked_id, lut_path, open_job_clip, project_folder
from vera.jobs.kinds.takes import finish_take
from vera.jobs.work import Work

if TYPE_CHECKING:
    from pathlib import Path

    from vera.pipelines.footage.job import EditJob
    from vera.video import Clip


def run(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Generate the layers that `spec` asks for, with previews after each step, and their proxies."""
    from vera.pipelines.footage import run_edit

    clip = open_job_clip(work.workspace, spec.get("clip"))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        job = _job(clip, spec, work)
        work.progress("load", 0, 1)
        pipeline = _warm(job, work)
        work.progress("load", 1, 1)
        report = run_edit(job, pipeline=pipeline, progress=work.progress, preview=work.preview)
    notices = [report.choice, *report.notices, *(str(each.message) for each in said if each.category is UserWarning)]
    assert job.layers is not None
    return finish_take(clip, job.layers, work, list(dict.fromkeys(filter(None, notices))))


def _job(clip: "Clip", spec: dict[str, Any], work: Work) -> "EditJob":
    from vera.pipelines.footage import EditJob, Outputs, Part, Sampling
    from vera.pipelines.footage.student import with_student
    from vera.pipelines.load import ModelChoice

    sampling = Sampling(spec.get("seed", 0), spec.get("steps"), spec.get("guidance"))
    lora = tuple(f"{one['name']}:{one['scale']:.6f}" for one in spec.get("lora") or ())
    choice = ModelChoice(spec.get("model") or "nano", lora=lora)
    model, sampling = with_student(choice, sampling, bool(spec.get("quality")))
    first = spec.get("start") or 0
    start = (clip.pts[first] - clip.pts[0]) * clip.time_base if first < clip.frame_count else clip.duration
    region = spec.get("region")
    return EditJob.check(
        clip,
        spec["instruction"],
        outputs=Outputs(layers=work.out / "layers", result=False),
        part=Part(start, None, spec.get("frames")),
        model=model,
        sampling=sampling,
        mask=_mask(spec, work),
        region=None if region is None else tuple(region),
        lut=lut_path(work.workspace, spec),
        ocio=spec.get("ocio"),
    )


def _mask(spec: dict[str, Any], work: Work) -> "Path | None":
    if spec.get("mask") is None:
        return None
    return project_folder(work.workspace, spec) / "masks" / checked_id(spec["mask"]) / "mask.png"


def _warm(job: "EditJob", work: Work) -> Any:
    """The job's model, loaded unless the last job's was the same; of two there is only one in memory."""
    from vera.pipelines.footage.draw import load_model
    from vera.pipelines.load import choice_of

    pipeline = work.warm.get("pipeline")
    if pipeline is not None and choice_of(pipeline) == job.model:
        return pipeline
    del pipeline
    work.warm.clear()
    gc.collect()
    work.warm["pipeline"] = load_model(job)
    return work.warm["pipeline"]

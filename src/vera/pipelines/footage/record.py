"""What a manifest says of a run."""

import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from vera._version import __version__
from vera.pipelines.footage.job import EditJob
from vera.pipelines.pipeline_vera import VeraPipeline
from vera.processes import group_size

_PACKAGES = ("torch", "diffusers", "transformers", "av")


def describe_job(job: EditJob) -> dict[str, Any]:
    """Say in JSON values what was asked for, and by which versions it was done, whatever the model."""
    return {
        "instruction": job.instruction,
        "seed": job.sampling.seed,
        "model": job.model.name,
        "sampler": job.sampling.sampler,
        "mask": None if job.mask is None else job.mask.name,
        "acceleration": asdict(job.model.acceleration),
        "lora": list(job.model.lora),
        "processes": group_size(),
        "color": None if job.transform is None else job.transform.name,
        "versions": {"python": platform.python_version(), "vera": __version__}
        | {name: version(name) for name in _PACKAGES},
    }


def describe_run(job: EditJob, pipeline: VeraPipeline) -> dict[str, Any]:
    """Say in JSON values what it takes to make the same layers again, of a pipeline that has just sampled them."""
    config, scheduler = pipeline.config, pipeline.scheduler.config
    return describe_job(job) | {
        "lora_fused": bool(pipeline.num_fused_loras),
        "steps": len(pipeline.scheduler.timesteps),
        "guidance": pipeline.guidance_scale,
        "negative_prompt": config.negative_prompt if pipeline.do_classifier_free_guidance else None,
        "window_frames": config.window_frames,
        "window_overlap": config.window_overlap,
        "scheduler": type(pipeline.scheduler).__name__,
        "shift": scheduler.get("flow_shift", scheduler.get("shift")),
        "dtype": str(pipeline.transformer.dtype).removeprefix("torch."),
        "device": str(pipeline._execution_device),
    }

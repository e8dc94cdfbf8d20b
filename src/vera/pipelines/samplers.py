"""Samplers by name, as diffusers' schedulers."""

from typing import Literal

from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler

from vera.errors import VeraError
from vera.pipelines.pipeline_vera import VeraPipeline

Sampler = Literal["euler", "unipc"]


def use_sampler(pipeline: VeraPipeline, sampler: Sampler, shift: float | None) -> None:
    """Exchange the scheduler; `shift` of the timesteps stays the model's if None. VeraError for an unknown name."""
    if shift is None:
        config = pipeline.scheduler.config
        shift = float(config.shift if "shift" in config else config.flow_shift)
    if sampler == "euler":
        pipeline.scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    elif sampler == "unipc":
        pipeline.scheduler = UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift
        )
    else:
        raise VeraError(f"sampler is euler or unipc, not {sampler!r}")

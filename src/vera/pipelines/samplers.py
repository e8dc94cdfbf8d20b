"""Samplers by name, as diffusers' schedulers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler

from vera.choices import Sampler
from vera.errors import VeraError
from vera.pipelines.pipeline_vera import VeraPipeline


def use_sampler(pipeline: VeraPipeline, sampler: Sampler, shift: float | None = None) -> None:
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
        raise VeraError(f"sampler is {' or '.join(get_args(Sampler))}, not {sampler!r}")


@contextmanager
def sampling_by(pipeline: VeraPipeline, sampler: Sampler | None, shift: float | None = None) -> Iterator[None]:
    """Have the pipeline sample by `sampler` and `shift` while the block runs; what is None stays the model's own."""
    own = pipeline.scheduler
    if sampler is not None or shift is not None:
        kept: Sampler = "euler" if isinstance(own, FlowMatchEulerDiscreteScheduler) else "unipc"
        use_sampler(pipeline, sampler or kept, shift)
    try:
        yield
    finally:
        pipeline.scheduler = own

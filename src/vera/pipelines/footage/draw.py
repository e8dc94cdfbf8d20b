"""Layers of a clip by a model: open it, and, of a Vera model, read and encode the source, and sample."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vera.errors import VeraError
from vera.layers.refine.clip import Span
from vera.layers.refine.rate import sampled_frames
from vera.layers.views import SourceViews
from vera.pipelines.editors.adapters.adapter import Adapter
from vera.pipelines.editors.choice import describe_vera
from vera.pipelines.editors.loading import editor_pipeline, load_editor
from vera.pipelines.footage.clock import Clock
from vera.pipelines.footage.crops import Crop, CropPlan, place_layers, plan_crops, whole_only
from vera.pipelines.footage.draw_editor import draw_by_editor
from vera.pipelines.footage.drawn import Drawn
from vera.pipelines.footage.job import EditJob
from vera.pipelines.footage.preview import Show, StepCallback, preview_step
from vera.pipelines.footage.record import describe_run
from vera.pipelines.footage.shown import shown_crops, shown_masks
from vera.pipelines.footage.student import is_student
from vera.pipelines.load import load_pipeline
from vera.pipelines.memory import check_memory
from vera.pipelines.pipeline_vera import VeraPipeline
from vera.pipelines.samplers import sampling_by
from vera.processes import is_first
from vera.progress import Progress, shares


@dataclass(frozen=True)
class Encoded:
    """Latents [1,C,T',h,w] of the source and of its mask, for the frames that the model is shown."""

    source: Tensor
    mask: Tensor | None


@dataclass(frozen=True)
class Sampled:
    """Latents [C,T',h,w] of edit and alpha, and how they were sampled, as the manifest has it."""

    edit: Tensor
    alpha: Tensor
    record: dict[str, Any]


def draw_layers(
    job: EditJob, clock: Clock, pipeline: VeraPipeline | Adapter | None, progress: Progress | None, preview: Show | None
) -> Drawn:
    """Open the model, unless its `pipeline` is given, show it the source and sample the layers.

    An editor draws later, window by window, as the layers are asked for; it gives no previews.
    """
    with clock.stage("load"):
        pipeline = load_model(job) if pipeline is None else pipeline
        if isinstance(pipeline, Adapter):
            return draw_by_editor(job, pipeline, progress)
        views, shown, plan = fit_clip(job, pipeline)
    plates: dict[int, NDArray[np.uint8]] = {}
    reports = shares(progress, len(plan.crops))
    with clock.stage("read"):
        encoded = [
            encode_source(job, pipeline, views, shown, crop, plates, report)
            for crop, report in zip(plan.crops, reports, strict=True)
        ]
    with clock.stage("sample"):
        sampled = [
            sample_layers(job, pipeline, latents, len(shown), report, preview)
            for latents, report in zip(encoded, reports, strict=True)
        ]
    opened, notices = pipeline, list[str]()

    def manifest() -> dict[str, Any]:
        opened.maybe_free_model_hooks()
        notices.extend(plan.notices())
        return sampled[0].record | plan.record()

    spans = place_layers(plan, shown, [decode_layers(pipeline, layers, len(shown)) for layers in sampled])
    choice = describe_vera(job.model.name, job.instruction, student=is_student(job.model))
    return Drawn(views, job.refinement, plates, spans, manifest, choice, notices)


def load_model(job: EditJob) -> VeraPipeline | Adapter:
    """Load the job's model, Vera's or an editor."""
    model = job.model
    editor = editor_pipeline(model.name)
    if editor is not None:
        return load_editor(model.name, model.device, model.dtype, model.acceleration, model.lora, pipeline=editor)
    pipeline = load_pipeline(model.name, model.device, model.dtype, model.acceleration, model.lora)
    options = model.acceleration
    if is_student(model) and options.quantize == "none" and options.offload != "sequential":
        pipeline.fuse_lora()  # an eighth less to compute on a CPU, and as exact (rms of bfloat16's latents 1.2 %, both)
    return pipeline


def fit_clip(job: EditJob, pipeline: VeraPipeline) -> tuple[SourceViews, tuple[int, ...], CropPlan]:
    """The source at the size of the layers, which of the edited frames the model sees, and what of them.

    VeraError for a size that it cannot work at, a region that it cannot draw by itself, a text too long for it, and
    where the latents would not fit.
    """
    if job.regions and "alpha" not in pipeline.transformer.config.branches:
        raise VeraError(whole_only(job.model.name))
    strides = pipeline.size_strides[::-1]
    plan = plan_crops(job.clip, job.regions, strides, pipeline.config.model_pixels, job.sampling.size)
    pipeline.check_text(job.instruction, "instruction", pipeline.config.max_sequence_length)
    shown = sampled_frames(len(job.edited), job.refinement.every)
    check_memory(pipeline, len(shown), [crop.model for crop in plan.crops], job.mask is not None)
    return SourceViews(job.clip, job.edited, plan.canvas, job.transform), shown, plan


def encode_source(
    job: EditJob,
    pipeline: VeraPipeline,
    views: SourceViews,
    shown: Sequence[int],
    crop: Crop,
    plates: dict[int, NDArray[np.uint8]],
    progress: Progress | None,
) -> Encoded:
    """Read what the model is shown, a crop of frames and their masks, and encode it in pieces; fills `plates`."""
    pictures = shown_crops(views, shown, crop, plates, progress)
    source = pipeline.encode_frames((picture[None] for picture in pictures), len(shown))
    mask = None
    if job.mask is not None:
        mask = pipeline.encode_frames((hint[None] for hint in shown_masks(views, job.mask, shown, crop)), len(shown))
    return Encoded(source, mask)


def sample_layers(
    job: EditJob,
    pipeline: VeraPipeline,
    encoded: Encoded,
    frames: int,
    progress: Progress | None = None,
    preview: Show | None = None,
) -> Sampled:
    """Sample the layers' latents for `frames` frames; the pipeline is left as it was found."""
    with sampling_by(pipeline, job.sampling.sampler), _own_bar(pipeline, progress is None):
        edit, alpha, *_ = pipeline(
            instruction=job.instruction,
            source_latents=encoded.source,
            mask_latents=encoded.mask,
            num_inference_steps=job.sampling.steps,
            guidance_scale=job.sampling.guidance,
            generator=torch.Generator().manual_seed(job.sampling.seed),
            callback_on_step_end=_report_steps(progress, preview),
            callback_on_step_end_tensor_inputs=None if preview is None else ("latents", "velocity"),
            num_frames=frames,
            output_type="latent",
            return_dict=False,
        )
        return Sampled(edit, alpha, describe_run(job, pipeline))


def decode_layers(pipeline: VeraPipeline, sampled: Sampled, frames: int) -> Iterator[Span]:
    """Decode edit and alpha, as many of `frames` at a time as the autoencoder codes together."""
    edits = pipeline.decode_spans(sampled.edit[None], frames)
    if "alpha" not in pipeline.transformer.config.branches:  # the whole frame is made anew
        yield from ((colors.numpy(), np.ones(colors.shape[:3], np.float32)) for colors in edits)
        return
    alphas = pipeline.decode_spans(sampled.alpha[None], frames, grey=True)
    yield from ((colors.numpy(), matte.numpy()) for colors, matte in zip(edits, alphas, strict=True))


def _report_steps(progress: Progress | None, preview: Show | None) -> StepCallback:
    """A callback that tells after each step how far the sampling is, and what it comes to where somebody looks."""

    def report(pipeline: VeraPipeline, step: int, timestep: Tensor, tensors: dict[str, Any]) -> dict[str, Any]:
        if preview is not None and is_first():
            preview(preview_step(pipeline, step, tensors["latents"], tensors["velocity"]))
        if progress is not None:
            progress("sample", step + 1, pipeline.num_timesteps)
        return {}

    return report


@contextmanager
def _own_bar(pipeline: VeraPipeline, shown: bool) -> Iterator[None]:
    """Have the pipeline draw its progress bar, or none, while the block runs."""
    own = getattr(pipeline, "_progress_bar_config", {})
    pipeline.set_progress_bar_config(**own | {"disable": not shown or own.get("disable", False)})
    try:
        yield
    finally:
        pipeline.set_progress_bar_config(**own)

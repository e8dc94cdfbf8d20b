"""Layers of a clip by anybody's editor, which draws frames: they are made as they are asked for, window by window."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.layers.refine.clip import Span
from vera.layers.refine.rate import sampled_frames
from vera.layers.views import SourceViews
from vera.pipelines.editors.adapters.adapter import Adapter
from vera.pipelines.editors.choice import describe_editor
from vera.pipelines.editors.clip import EditedClip
from vera.pipelines.editors.loading import license_of
from vera.pipelines.editors.protocol import Settings
from vera.pipelines.editors.windows import every_nth
from vera.pipelines.footage.crops import Crop, place_layers, plan_crops, whole_only
from vera.pipelines.footage.drawn import Drawn
from vera.pipelines.footage.job import EditJob
from vera.pipelines.footage.record import describe_job
from vera.pipelines.footage.shown import shown_crops, shown_masks
from vera.pipelines.instruction import is_request
from vera.progress import Progress, shares
from vera.video import Clip

SINGLE = 24.0  # frames a second of a clip of one frame


def draw_by_editor(job: EditJob, editor: Adapter, progress: Progress | None) -> Drawn:
    """Fit the clip to an editor. VeraError, before anything is drawn, for an edit that it cannot do."""
    traits, model = editor.traits, job.model.name
    rate = frame_rate(job.clip, job.edited)
    refinement = replace(job.refinement, every=every_nth(rate, traits, job.refinement.every))
    shown = sampled_frames(len(job.edited), refinement.every)
    if job.regions and traits.whole and not (traits.masked and job.mask is not None):
        raise VeraError(whole_only(model) + (", or say with --mask what must stay" if traits.masked else ""))
    sampling = job.sampling
    plan = plan_crops(job.clip, job.regions, traits.strides, traits.pixels, sampling.size)
    views = SourceViews(job.clip, job.edited, plan.canvas, job.transform)
    settings = Settings(sampling.steps, sampling.guidance, sampling.sampler)
    reports = shares(progress, len(plan.crops))
    clips = [
        EditedClip(editor, model, job.instruction, sampling.seed, settings, len(shown), rate / refinement.every, report)
        for report in reports
    ]
    for clip, crop in zip(clips, plan.crops, strict=True):
        clip.check(crop.model)
    if traits.text == "description" and is_request(job.instruction):
        warnings.warn(f"{model} reads what the result shows, not what is to be done: describe it", stacklevel=2)
    if job.mask is not None and not traits.masked:
        warnings.warn(f"{model} sees no mask: what it keeps is spared in the layers only", stacklevel=2)
    terms = license_of(model)
    plates: dict[int, NDArray[np.uint8]] = {}
    notices: list[str] = []

    def drawn(clip: EditedClip, crop: Crop, report: Progress | None) -> Iterator[Span]:
        masks = None if job.mask is None else shown_masks(views, job.mask, shown, crop)
        pictures = shown_crops(views, shown, crop, plates, report)
        return ((layer.edit[None], layer.alpha[None]) for layer in clip.layers(pictures, masks))

    def manifest() -> dict[str, Any]:
        notices.extend([*(notice for clip in clips for notice in clip.notices), *plan.notices()])
        recovered = [window for clip in clips for window in clip.recovered]
        made = clips[0].record() | {"layerize": recovered, "license": terms}
        return describe_job(job) | made | plan.record()

    spans = [drawn(*one) for one in zip(clips, plan.crops, reports, strict=True)]
    return Drawn(
        views=views,
        refinement=refinement,
        plates=plates,
        spans=_some(place_layers(plan, shown, spans), clips, plan.crops, notices),
        manifest=manifest,
        choice=describe_editor(model, type(editor).PIPELINE, terms),
        notices=notices,
    )


def _some(
    spans: Iterable[Span], clips: Sequence[EditedClip], crops: Sequence[Crop], notices: list[str]
) -> Iterator[Span]:
    """Pass all layers; then VeraError if the editor changed nothing anywhere, a notice for each region of which so."""
    yield from spans
    model = clips[0].name
    if not any(clip.touched for clip in clips):
        raise VeraError(
            f"{model} left the clip as it was, within its noise: try other words, another --seed, or more "
            "--guidance; nothing was written"
        )
    for clip, crop in zip(clips, crops, strict=True):
        if not clip.touched:
            notices.append(f"{model} left the region {crop.asked} as it was, within its noise")


def frame_rate(clip: Clip, edited: range) -> float:
    """Frames a second of the edited part of a clip, on average."""
    if len(edited) < 2:
        return SINGLE
    length = (clip.pts[edited[-1]] - clip.pts[edited[0]]) * clip.time_base
    return float((len(edited) - 1) / length) if length > 0 else SINGLE

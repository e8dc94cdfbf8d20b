"""Layers of a clip by anybody's editor, which draws frames: they are made as they are asked for, window by window."""

import warnings
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vera.layers.refine.rate import sampled_frames
from vera.layers.views import SourceViews
from vera.pipelines.editors.adapters.adapter import Adapter
from vera.pipelines.editors.choice import describe_editor
from vera.pipelines.editors.clip import EditedClip
from vera.pipelines.editors.loading import license_of
from vera.pipelines.editors.protocol import Settings
from vera.pipelines.editors.windows import every_nth
from vera.pipelines.footage.drawn import Drawn
from vera.pipelines.footage.job import EditJob
from vera.pipelines.footage.record import describe_job
from vera.pipelines.footage.shown import shown_pictures
from vera.pipelines.instruction import is_request
from vera.pipelines.sampling.sizes import check_size, model_size
from vera.progress import Progress
from vera.video import Clip

SINGLE = 24.0  # frames a second of a clip of one frame


def draw_by_editor(job: EditJob, editor: Adapter, progress: Progress | None) -> Drawn:
    """Fit the clip to an editor. VeraError, before anything is drawn, for an edit that it cannot do."""
    traits, model = editor.traits, job.model.name
    rate = frame_rate(job.clip, job.edited)
    refinement = replace(job.refinement, every=every_nth(rate, traits, job.refinement.every))
    shown = set(sampled_frames(len(job.edited), refinement.every))
    size = job.sampling.size
    if size is None:
        size = model_size(job.clip.display_size, job.clip.display_aspect, traits.strides, traits.pixels)
    check_size(size, traits.strides)
    views = SourceViews(job.clip, job.edited, size, job.transform)
    sampling = job.sampling
    settings = Settings(sampling.steps, sampling.guidance, sampling.sampler)
    clip = EditedClip(
        editor, model, job.instruction, sampling.seed, settings, len(shown), rate / refinement.every, progress
    )
    clip.check(size)
    if traits.text == "description" and is_request(job.instruction):
        warnings.warn(f"{model} reads what the result shows, not what is to be done: describe it", stacklevel=2)
    if job.mask is not None and not traits.masked:
        warnings.warn(f"{model} sees no mask: what it keeps is spared in the layers only", stacklevel=2)
    terms = license_of(model)
    plates: dict[int, NDArray[np.uint8]] = {}
    masks = None if job.mask is None else views.mask(job.mask, shown)
    pictures = shown_pictures(views, shown, plates, progress)
    return Drawn(
        views=views,
        refinement=refinement,
        plates=plates,
        spans=((layer.edit[None], layer.alpha[None]) for layer in clip.layers(pictures, masks)),
        manifest=lambda: describe_job(job) | clip.record() | {"license": terms},
        choice=describe_editor(model, type(editor).PIPELINE, terms),
        notices=clip.notices,
    )


def frame_rate(clip: Clip, edited: range) -> float:
    """Frames a second of the edited part of a clip, on average."""
    if len(edited) < 2:
        return SINGLE
    length = (clip.pts[edited[-1]] - clip.pts[edited[0]]) * clip.time_base
    return float((len(edited) - 1) / length) if length > 0 else SINGLE

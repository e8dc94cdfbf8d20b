"""Sampling: the diffusers pipeline, windows for long clips, loading of models, and editing from footage to footage."""

from vera.choices import Acceleration
from vera.layers.refine.clip import Refinement
from vera.pipelines.editors.loading import load_editor
from vera.pipelines.footage import EditJob, EditReport, Outputs, Part, Preview, Sampling, edit, run_edit
from vera.pipelines.load import ModelChoice, load_pipeline
from vera.pipelines.pipeline_vera import VeraPipeline
from vera.pipelines.sampling.output import VeraPipelineOutput

__all__ = [
    "Acceleration",
    "EditJob",
    "EditReport",
    "ModelChoice",
    "Outputs",
    "Part",
    "Preview",
    "Refinement",
    "Sampling",
    "VeraPipeline",
    "VeraPipelineOutput",
    "edit",
    "load_editor",
    "load_pipeline",
    "run_edit",
]

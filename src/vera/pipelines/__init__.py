"""Sampling: the diffusers pipeline, windows for long clips, loading of models, and editing from footage to footage."""

from vera.layers.refine.clip import Refinement
from vera.pipelines.acceleration import Acceleration
from vera.pipelines.footage import EditReport, edit
from vera.pipelines.load import load_pipeline
from vera.pipelines.pipeline_vera import VeraPipeline
from vera.pipelines.sampling.output import VeraPipelineOutput

__all__ = [
    "Acceleration",
    "EditReport",
    "Refinement",
    "VeraPipeline",
    "VeraPipelineOutput",
    "edit",
    "load_pipeline",
]

"""From footage to footage: what is to be done (`EditJob`), layers from a model, the layer folder and the result."""

from vera.pipelines.footage.job import EditJob
from vera.pipelines.footage.preview import Preview
from vera.pipelines.footage.run import EditReport, edit, run_edit
from vera.pipelines.footage.settings import Outputs, Part, Sampling

__all__ = ["EditJob", "EditReport", "Outputs", "Part", "Preview", "Sampling", "edit", "run_edit"]

"""Layered clips rendered on the fly from cut-outs, photographs and panoramas."""

from vera.data.synthesis.cases import EvaluationCase, evaluation_cases
from vera.data.synthesis.dataset import SyntheticLayers

__all__ = ["EvaluationCase", "SyntheticLayers", "evaluation_cases"]

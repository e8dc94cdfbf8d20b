"""Layered clips rendered on the fly from cut-outs, photographs and panoramas."""

from vera.data.synthesis.dataset import SyntheticLayers

__all__ = ["SyntheticLayers"]

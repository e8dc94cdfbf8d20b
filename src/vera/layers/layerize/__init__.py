"""Layers from anyone's edit: the matte and the edit layer of a clip that another program regenerated."""

from vera.layers.layerize.clip import LayerizeReport, layerize, layerize_frames
from vera.layers.layerize.footage import ArrayFootage
from vera.layers.layerize.recover import RecoveredLayers, UnrelatedError

__all__ = ["ArrayFootage", "LayerizeReport", "RecoveredLayers", "UnrelatedError", "layerize", "layerize_frames"]

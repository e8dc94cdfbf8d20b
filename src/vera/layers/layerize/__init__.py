"""Layers from anyone's edit: the matte and the edit layer of a clip that another program regenerated."""

from vera.layers.layerize.clip import LayerizeReport, layerize

__all__ = ["LayerizeReport", "layerize"]

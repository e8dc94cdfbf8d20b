"""The layered edit: composite it, save it, look at it, verify it. Knows nothing of how it was made."""

from vera.layers.adjust import Adjustment
from vera.layers.animation import animated_sheet
from vera.layers.composite import composite_clip, composite_frame
from vera.layers.folder import LayersWriter, check_layers_folder, layer_files, load_layers, save_layers, write_layers
from vera.layers.layer_frame import LayerFrame
from vera.layers.layered_edit import LayeredEdit
from vera.layers.paint import Stroke
from vera.layers.refine.extend import extend_colors
from vera.layers.refine.floor import floor_alpha, refine_layer
from vera.layers.render import render_frame
from vera.layers.sheet import contact_sheet
from vera.layers.stack import Stack, open_stack, stack_files
from vera.layers.verify import VerifyReport, verify, verify_layers

__all__ = [
    "Adjustment",
    "LayerFrame",
    "LayeredEdit",
    "LayersWriter",
    "Stack",
    "Stroke",
    "VerifyReport",
    "animated_sheet",
    "check_layers_folder",
    "composite_clip",
    "composite_frame",
    "contact_sheet",
    "extend_colors",
    "floor_alpha",
    "layer_files",
    "load_layers",
    "open_stack",
    "refine_layer",
    "render_frame",
    "save_layers",
    "stack_files",
    "verify",
    "verify_layers",
    "write_layers",
]

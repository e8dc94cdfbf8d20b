"""From the frames that an editor drew to layers."""

from collections.abc import Iterator
from typing import Any

from vera.arrays import Frames
from vera.errors import VeraError
from vera.layers.layer_frame import LayerFrame, to_float
from vera.layers.layerize import ArrayFootage, UnrelatedError, layerize_frames
from vera.pipelines.editors.protocol import Mask


def recover_layers(
    source: Frames, drawn: Frames, mask: Mask | None, name: str, records: list[dict[str, Any]]
) -> Iterator[LayerFrame]:
    """Yield edit and alpha of each frame from source and edited frames, RGB `[T,H,W,3]` uint8 of one size.

    What a mask `[T,H,W]` keeps has alpha 0. After the last frame `records` gets what `vera layerize` records.
    VeraError, which names the editor, if the frames have nothing in common.
    """
    try:
        found = layerize_frames(ArrayFootage(source, 1, "the source"), drawn, 1, mask=mask, name=name, in_step=True)
    except UnrelatedError:
        hint = "" if mask is not None else ", or say with --mask what must stay"
        raise VeraError(
            f"{name} drew a clip that shows nothing of the source: try other words or another seed{hint}"
        ) from None
    for edit, alpha in found.frames():
        yield LayerFrame(to_float(edit), to_float(alpha))
    records.append(found.record())

"""What an editor gave back, looked at before anything is made of it."""

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Frames
from vera.errors import VeraError
from vera.pipelines.editors.protocol import Drawn

BLACK = 4  # of 255: networks that fail in a low precision draw no other picture


def check_drawn(drawn: Drawn, source: Frames, name: str) -> NDArray[np.uint8]:
    """The edited frames as RGB `[T,H,W,3]` uint8; VeraError unless they are pictures of the source's frames.

    They are as many, of the same size, numbers, and not black where the source is not.
    """
    shape = drawn.shape
    if drawn.ndim != 4 or shape[-1] != 3 or not len(drawn):
        raise VeraError(f"{name} gave back {_said(shape)}, not RGB frames: nothing was written")
    if len(drawn) != len(source):
        few = "fewer" if len(drawn) < len(source) else "more"
        raise VeraError(
            f"{name} gave back {few} frames, {len(drawn)} for {len(source)}: layers need a frame for each; "
            "nothing was written"
        )
    if shape[1:3] != source.shape[1:3]:
        sizes = [f"{width}x{height}" for height, width in (shape[1:3], source.shape[1:3])]
        raise VeraError(f"{name} gave back frames of {sizes[0]} for {sizes[1]}: give --size {sizes[0]}")
    if drawn.dtype != np.uint8:
        if not np.isfinite(drawn).all():
            raise VeraError(f"{name} drew no numbers (NaN): try --dtype float32, or fewer --lora; nothing was written")
        drawn = np.rint(drawn.clip(0, 1) * 255).astype(np.uint8)
    if drawn.max() <= BLACK < source.max():
        raise VeraError(f"{name} drew black frames only: try --dtype float32 or other steps; nothing was written")
    return drawn


def _said(shape: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in shape) or "a number"

"""The first frames of a mask at once, and masks that say that they are interlaced."""

from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tests.executable import ffmpeg

from vera.layers.masks import mask_frames


def read_mask(path: Path, frames: int, width: int, height: int) -> NDArray[np.bool_]:
    """[frames,height,width], True where the file is white."""
    with closing(mask_frames(path, width, height)) as shown:
        return np.stack(list(islice(shown, frames)))


def write_interlaced(path: Path, shape: NDArray[np.bool_], frames: int) -> Path:
    """A mask that is white on `shape` [height,width] in all of its frames, which are marked as interlaced."""
    still = path.with_suffix(".png")
    Image.fromarray(shape.astype(np.uint8) * 255).save(still)
    flagged = ("-vf", "setfield=tff", "-flags", "+ilme+ildct", "-c:v", "ffv1", "-pix_fmt", "yuv444p")
    ffmpeg("-loop", 1, "-i", still, "-frames:v", frames, *flagged, path)
    return path

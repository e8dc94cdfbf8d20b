"""The first frames of a mask at once."""

from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vera.layers.masks import mask_frames


def read_mask(path: Path, frames: int, width: int, height: int) -> NDArray[np.bool_]:
    """[frames,height,width], True where the file is white."""
    with closing(mask_frames(path, width, height)) as shown:
        return np.stack(list(islice(shown, frames)))

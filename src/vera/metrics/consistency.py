"""Mean absolute difference of the composite branch and the edit over the source."""

import numpy as np
from numpy.typing import NDArray

from vera.metrics.inputs import check_frames


def layer_disagreement(composite: NDArray[np.uint8], result: NDArray[np.uint8]) -> float:
    """Mean |C - (A*E + (1-A)*S)| in [0,1] of the network's own composite and the result of its layers."""
    check_frames(result, composite)
    return float(np.abs(composite.astype(np.int16) - result).mean(dtype=np.float64)) / 255

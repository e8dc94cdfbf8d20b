"""Whether an object's centre lies where the instruction wants it."""

import numpy as np

from vera.metrics.inputs import check_matte
from vera.metrics.objects import Alpha, main_component

THIRDS = ("left", "center", "right")


def center(alpha: Alpha) -> tuple[float, float] | None:
    """x and y, in [0,1] of width and height, of the object's centre, averaged over the frames that show one; or None.

    The centre is that of the main component, so that neither a shadow nor a stray speck moves it.
    """
    check_matte(alpha)
    height, width = alpha.shape[1:]
    centers = []
    for frame in alpha:
        rows, columns = np.nonzero(main_component(frame))
        if rows.size:
            centers.append(((columns.mean() + 0.5) / width, (rows.mean() + 0.5) / height))
    if not centers:
        return None
    x, y = np.mean(centers, axis=0)
    return float(x), float(y)


def place_hit(alpha: Alpha, place: str) -> bool:
    """Whether the object's centre lies in the third of the width that `place` names; False without an object."""
    found = center(alpha)
    return found is not None and THIRDS[min(int(found[0] * 3), 2)] == place

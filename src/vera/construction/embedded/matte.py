"""Mattes from masks: what each pixel of an edge is covered by, in closed form."""

from functools import partial

import numpy as np

from vera.arrays import Float
from vera.construction.embedded.regions import Frames, Mask, box_about, grown, shrunk
from vera.optional import need

INNER, OUTER = 3, 4  # pixels inside and outside of a mask's edge in which alpha is not known
MARGIN = 6  # pixels about that, whose colours the matte is fitted to
SOLVER = {"rtol": 1e-5}  # alpha moves by less than a code beyond
SHIFTS = 1e-3, 1e-2, 0.1, 0.5, 1.0, 10.0  # of the preconditioner: with less it often fails, says so, and starts again


def mattes(frames: Frames, masks: Mask, inner: int = INNER, outer: int = OUTER) -> Float:
    """Alpha `[T,H,W]` in [0,1] of the objects that `masks` `[T,H,W]` mark in `frames` `[T,H,W,3]`.

    1 more than `inner` pixels inside the mask, 0 more than `outer` outside, and between them the closed-form matte
    (Levin et al., 2008). Raises VeraError if pymatting is missing.
    """
    return np.stack([_matte(frame, mask, inner, outer) for frame, mask in zip(frames, masks, strict=True)])


def _matte(frame: Frames, mask: Mask, inner: int, outer: int) -> Float:
    alpha = np.zeros(mask.shape, np.float32)
    around = grown(mask, outer)
    box = box_about(around, MARGIN)
    known = np.where(shrunk(mask, inner), 1.0, np.where(around, 0.5, 0.0))[box]
    if not ((known == 1).any() and (known == 0).any()):  # too thin to have a middle, or all of the frame
        return mask.astype(np.float32)
    pymatting = need("pymatting", "pymatting", "a matte", "construct")
    prepared = partial(pymatting.ichol, shifts=SHIFTS)
    found = pymatting.estimate_alpha_cf(frame[box] / 255.0, known, preconditioner=prepared, cg_kwargs=SOLVER)
    alpha[box] = found.clip(0, 1)
    return alpha

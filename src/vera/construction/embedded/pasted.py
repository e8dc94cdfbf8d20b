"""A clip that a network drew anew without an object, made a plate: the clip itself but where something is gone."""

from dataclasses import dataclass

import numpy as np

from vera.construction.embedded.plate import holes_of
from vera.construction.embedded.regions import Frames, Mask, grown
from vera.layers.layerize.align import grey
from vera.layers.layerize.color_match import fit_colors, pool
from vera.layers.layerize.difference import find_changes
from vera.layers.layerize.noise import fit_noise, slope_of, smoothed_difference
from vera.video.view import spread_frames

LOOKED_AT = 8  # frames that colours and noise are fitted on
BESIDE = 1 / 20  # of the frame's height about the object that is left out of the fit: its shadow begins there


@dataclass(frozen=True)
class Pasted:
    """A plate uint8 `[T,H,W,3]`, the clip's own pixels outside of the holes bool `[T,H,W]`, and the noise of what was
    drawn, a standard deviation in [0,1]."""

    plate: Frames
    holes: Mask
    noise: float


def paste_plate(frames: Frames, drawn: Frames, masks: Mask) -> Pasted:
    """Paste what `drawn` `[T,H,W,3]`, in the clip's colours, shows in the place of the object and of its effects.

    Effects are what differs by more than the network's own noise, fitted where nothing changed.
    """
    reach = round(BESIDE * frames.shape[1])
    looked = spread_frames(len(frames), LOOKED_AT)
    away = {t: ~grown(masks[t], reach) for t in looked}
    colors = fit_colors(*pool([(_unit(frames[t])[away[t]], _unit(drawn[t])[away[t]]) for t in looked]))
    parts = []
    for t in looked:
        own = _unit(frames[t])
        difference = smoothed_difference(own, colors.apply(_unit(drawn[t])))
        parts.append((slope_of(grey(own))[away[t]], difference[away[t]]))
    noise = fit_noise(parts)
    plate, holes = frames.copy(), holes_of(masks)
    for t, frame in enumerate(frames):
        own, matched = _unit(frame), colors.apply(_unit(drawn[t]))
        holes[t] |= find_changes(smoothed_difference(own, matched), noise.level(slope_of(grey(own))))
        plate[t][holes[t]] = np.rint(matched[holes[t]].clip(0, 1) * 255)
    return Pasted(plate, holes, noise.flat)


def _unit(frame: Frames) -> np.ndarray:
    return frame / np.float32(255)

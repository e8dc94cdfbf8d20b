"""From the frames that an editor drew to layers."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.layers.layer_frame import LayerFrame
from vera.layers.layerize.clip import RELATED, SAMPLES
from vera.layers.layerize.difference import find_changes
from vera.layers.layerize.frames import FramePair
from vera.layers.layerize.match import Match, apply_match, fit_match
from vera.layers.layerize.noise import smoothed_difference
from vera.layers.layerize.steady import Unmixed, steady
from vera.layers.layerize.unmix import straight_colors, unmix
from vera.pipelines.editors.protocol import Frames, Mask
from vera.video.view import spread_frames


def recover_layers(source: Frames, drawn: Frames, mask: Mask | None, name: str) -> Iterator[LayerFrame]:
    """Yield edit and alpha of each frame from source and edited frames, RGB `[T,H,W,3]` uint8 of one size.

    What a mask `[T,H,W]` keeps has alpha 0. VeraError, which names the editor, if the frames have nothing in common.
    """
    pairs = [
        FramePair(before, after, None if mask is None else mask[index])
        for index, (before, after) in enumerate(zip(source, drawn, strict=True))
    ]
    match = fit_match([pairs[index] for index in spread_frames(len(pairs), SAMPLES)])
    if match.agreement < RELATED:
        hint = "" if mask is not None else ", or say with --mask what must stay"
        raise VeraError(f"{name} drew a clip that shows nothing of the source: try other words or another seed{hint}")
    for frame in steady(_unmixed(pairs, match)):
        colors = straight_colors(frame.source, frame.edited, frame.layers, frame.level)
        yield LayerFrame(np.asarray(colors, np.float32), np.asarray(frame.layers.alpha.clip(0, 1), np.float32))


def _unmixed(pairs: list[FramePair], match: Match) -> Iterator[Unmixed]:
    for pair in pairs:
        matched = apply_match(match, pair)
        difference = smoothed_difference(matched.softened, matched.edited)
        inside: NDArray[np.bool_] = find_changes(difference, matched.level, pair.kept)
        found = unmix(matched.softened, matched.edited, inside, matched.level)
        yield Unmixed(matched.softened, matched.edited, matched.level, found)

"""From what the network draws to layers for every frame, and how they are brought to the source's size."""

from dataclasses import dataclass
from itertools import islice
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.layers import refine_layers
from vera.layers.finish import Finish
from vera.layers.grain import Grain, measure_grain
from vera.layers.rate import frame_map, interpolate_layers, shown_frames
from vera.layers.temporal import smooth_layers
from vera.layers.upsample import Guide, choose_guide
from vera.video import FrameReader, MediaInfo, model_view

GRAIN_FRAMES = 3


@dataclass(frozen=True)
class Refinement:
    """Options of `refine`.

    Args:
        guide: of the up-sampling (`vera.layers.upsample`).
        decontaminate: take the old background out of soft edges: for edits that replace it.
        grain: give the edit layer the source's grain.
        smooth: average layers with their neighbours in time.
        every: the model sees every Nth frame; the layers between follow the source's motion.
    """

    guide: Guide = "auto"
    decontaminate: bool = False
    grain: bool = False
    smooth: bool = False
    every: int = 1

    def __post_init__(self) -> None:
        if self.guide not in get_args(Guide):
            raise VeraError(f"no guide is named {self.guide!r}; choose from {', '.join(get_args(Guide))}")
        shown_frames(1, self.every)


def refine(
    edit: NDArray[np.float32],
    alpha: NDArray[np.float32],
    plates: NDArray[np.uint8],
    options: Refinement,
    info: MediaInfo,
    edited: range,
    seed: int,
) -> tuple[NDArray[np.uint8], NDArray[np.uint16], dict[str, Any]]:
    """Edit `[T,h,w,3]`, alpha `[T,h,w]` for all `edited` frames of `info`, and what the manifest says of them.

    Args:
        edit, alpha: as decoded, in [0,1], of `shown_frames(T, options.every)`.
        plates: the edited frames at that size, RGB `[T,h,w,3]`.
        seed: of the grain.
    """
    shown = shown_frames(len(plates), options.every)
    colors, mattes = refine_layers(edit, alpha)
    if options.smooth:
        colors, mattes = _stacked(smooth_layers(colors, mattes, plates[list(shown)]))
    recorded: dict[str, Any] = {"smooth": options.smooth}
    if options.every > 1:
        colors, mattes = _stacked(interpolate_layers(colors, mattes, shown, plates))
        places = [[before, after, round(weight, 6)] for before, after, weight in frame_map(shown)]
        recorded["rate"] = {"every": options.every, "sampled": list(shown), "map": places}
    guide, blur = options.guide, 0.0
    if guide in ("auto", "plate"):
        found, blur = choose_guide(mattes, plates)
        guide = found if guide == "auto" else guide
    grain = _grain(info, edited) if options.grain else None
    recorded["refine"] = Finish(guide, blur, options.decontaminate, grain, seed).to_json()
    return colors, mattes, recorded


def _stacked(frames: Any) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    colors, mattes = zip(*frames, strict=True)
    return np.stack(colors), np.stack(mattes)


def _grain(info: MediaInfo, edited: range) -> Grain:
    """Of a few of the edited frames at their own size."""
    picked = set(np.linspace(edited.start, edited.stop - 1, GRAIN_FRAMES).round().astype(int).tolist())
    width, height = info.display_size
    with FrameReader(info.source) as reader:
        frames = enumerate(islice(reader, edited.stop))
        views = [model_view(frame, width, height, info.orientation) for place, frame in frames if place in picked]
    return measure_grain(views)

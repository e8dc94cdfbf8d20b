"""From what the network draws to layers for every frame, and how they are brought to the source's size."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from vera.choices import Guide
from vera.errors import VeraError
from vera.layers.layer_frame import LayerFrame
from vera.layers.refine.finish import Finish
from vera.layers.refine.floor import refine_layer
from vera.layers.refine.grain import Grain, measure_grain
from vera.layers.refine.rate import interpolate_layers, sampled_frames, sampled_neighbors
from vera.layers.refine.temporal import smooth_layers
from vera.layers.refine.upsample import choose_guide
from vera.layers.views import SourceViews
from vera.video import Clip, model_view
from vera.video.view import spread_frames

# Spread over the clip. Chosen, not measured: they are read beside all others, so each costs a frame's work.
GUIDE_FRAMES, GRAIN_FRAMES = 5, 3
Span = tuple[NDArray[np.float32], NDArray[np.float32]]  # edit [n,h,w,3] and alpha [n,h,w], as decoded, in [0,1]


@dataclass(frozen=True)
class Refinement:
    """Options of `refine`.

    Args:
        guide: of the up-sampling (`vera.layers.refine.upsample`).
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
        sampled_frames(1, self.every)


@dataclass(frozen=True)
class Refined:
    """Layers on their way from the decoder to the folder, frame by frame: memory does not grow with the clip.

    Args:
        options: what is done to them.
        count: frames of the edit.
        plates: of the frames in `guide_frames(count)`, the source at the layers' size, RGB `[h,w,3]` uint8.
        alphas: of the same frames, as they pass; filled while `frames` runs.
    """

    options: Refinement
    count: int
    plates: Mapping[int, NDArray[np.uint8]]
    alphas: dict[int, NDArray[Any]] = field(default_factory=dict)

    @property
    def sampled(self) -> tuple[int, ...]:
        """Which frames the model sees."""
        return sampled_frames(self.count, self.options.every)

    def frames(self, spans: Iterable[Span], views: SourceViews) -> Iterator[LayerFrame]:
        """Refine decoded spans of the sampled frames to the layers of every frame, float32.

        The source is read again where motion is looked for.
        """
        layers: Iterator[LayerFrame] = (refine_layer(*frame) for span in spans for frame in zip(*span, strict=True))
        if self.options.smooth:
            layers = smooth_layers(layers, (plate for _, plate in views.pictures(set(self.sampled))))
        if self.options.every > 1:
            layers = interpolate_layers(layers, self.sampled, (plate for _, plate in views.pictures()))
        for index, layer in enumerate(layers):
            if index in self.plates:
                self.alphas[index] = layer.alpha
            yield layer

    def record(self) -> dict[str, Any]:
        """Say in JSON values what was done."""
        recorded: dict[str, Any] = {"smooth": self.options.smooth}
        if self.options.every > 1:
            places = [[before, after, round(weight, 6)] for before, after, weight in sampled_neighbors(self.sampled)]
            recorded["rate"] = {"every": self.options.every, "sampled": list(self.sampled), "map": places}
        return recorded

    def finish(self, grain: Grain | None, seed: int) -> Finish:
        """Say what is left to do at the source's size; after the last frame."""
        guide, blur = self.options.guide, 0.0
        if guide in ("auto", "plate"):
            found, blur = choose_guide(self.alphas.values(), self.plates.values())
            guide = found if guide == "auto" else guide
        return Finish(guide, blur, self.options.decontaminate, grain, seed)


def guide_frames(count: int) -> list[int]:
    """Pick the frames whose alphas and plates tell which guide suits an edit of `count` frames."""
    return spread_frames(count, GUIDE_FRAMES)


def clip_grain(clip: Clip, edited: range) -> Grain:
    """Measure the grain of a few of the edited frames at their own size."""
    picked = {edited.start + index for index in spread_frames(len(edited), GRAIN_FRAMES)}
    width, height = clip.display_size
    with clip.frames() as reader:
        frames = enumerate(islice(reader, edited.stop))
        views = [model_view(frame, width, height, clip.orientation) for place, frame in frames if place in picked]
    return measure_grain(views)

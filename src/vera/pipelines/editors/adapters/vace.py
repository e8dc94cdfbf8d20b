"""VACE (Wan2.1, 1.3B and 14B): draws what a mask leaves open, or, without a mask, the whole clip anew."""

import numpy as np

from vera.pipelines.editors.adapters.adapter import Adapter, clip_traits, padded, pictures, stride_of
from vera.pipelines.editors.adapters.wan import with_shift
from vera.pipelines.editors.protocol import ClipWindow, Drawn, Mask, Settings, Traits

GREY = 128  # what VACE is shown in place of what it is to draw, as in diffusers' documentation of it


class VaceEditor(Adapter):
    """`WanVACEPipeline`. VACE's mask is white where it draws, Vera's where the subject stays: it is turned round, and
    what is to be drawn is grey in the video. Frames that the window before has drawn are given as they are, with a
    black mask, so that windows agree. Without a mask everything is white, and the clip itself is shown.

    Size, length, guidance and shift are those of diffusers' documentation of it, the steps the pipeline's own.
    """

    PIPELINE = "WanVACEPipeline"

    @property
    def traits(self) -> Traits:
        """What this editor is and how it takes a clip."""
        stride = stride_of(self.pipeline)
        return clip_traits(self.pipeline, stride, rate=16, text="description", masked=True, continues=True, whole=True)

    def edit(self, clip: ClipWindow, instruction: str, mask: Mask | None, seed: int, settings: Settings) -> Drawn:
        """Draw a window of the clip, as `Editor.edit` says."""
        video, drawn = shown(clip, mask)
        video, drawn = padded(video, self.traits.step), padded(drawn, self.traits.step)
        width, height = clip.size
        with_shift(self.pipeline, width * height)
        return self.call_on_clip(
            clip, len(video), instruction, seed, settings, video=pictures(video), mask=pictures(drawn)
        )


def shown(clip: ClipWindow, mask: Mask | None) -> tuple[np.ndarray, Mask]:
    """The video that VACE is shown `[T,H,W,3]` and where it draws `[T,H,W]`."""
    video = clip.frames.copy()
    drawn = np.ones(video.shape[:3], bool) if mask is None else ~mask
    if mask is not None:
        video[drawn] = GREY
    known = len(clip.known)
    video[:known], drawn[:known] = clip.known, False
    return video, drawn

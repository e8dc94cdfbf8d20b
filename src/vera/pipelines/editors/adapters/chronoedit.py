"""ChronoEdit (NVIDIA): edits one picture, as the last frame of a short clip that begins with it."""

import numpy as np

from vera.pipelines.editors.adapters.adapter import Adapter, picture_traits, stride_of
from vera.pipelines.editors.protocol import ClipWindow, Drawn, Mask, Settings, Traits

LENGTH = 5  # frames of that clip without its stage of reasoning


class ChronoEditor(Adapter):
    """`ChronoEditPipeline`. Size, length and guidance are those of diffusers' documentation of it, the steps the
    pipeline's own. The published checkpoint calls its transformer Wan's, whose weights are the same."""

    PIPELINE = "ChronoEditPipeline"
    STILL = True
    PARTS = {"transformer": "ChronoEditTransformer3DModel"}  # noqa: RUF012

    @property
    def traits(self) -> Traits:
        """What this editor is and how it takes a clip."""
        stride = max(stride_of(self.pipeline), 16)
        return picture_traits(stride, 720 * 1280, steps=50, guidance=5.0)

    def edit(self, clip: ClipWindow, instruction: str, mask: Mask | None, seed: int, settings: Settings) -> Drawn:
        """Draw a window of the clip, as `Editor.edit` says."""
        scale = self.guidance(settings)
        output = self.call_on_picture(
            clip, instruction, seed, settings, negative_prompt="", num_frames=LENGTH, guidance_scale=scale
        )
        return np.asarray(output.frames[0][-1:])

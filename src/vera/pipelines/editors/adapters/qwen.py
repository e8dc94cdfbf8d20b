"""Qwen-Image-Edit (Alibaba): edits one picture by an instruction."""

import numpy as np

from vera.pipelines.editors.adapters.adapter import Adapter, picture_traits
from vera.pipelines.editors.protocol import ClipWindow, Drawn, Mask, Settings, Traits


class QwenEditor(Adapter):
    """`QwenImageEditPipeline`. Size, steps and guidance are the pipeline's own."""

    PIPELINE = "QwenImageEditPipeline"
    STILL = True
    TOKENS = 1024
    NEEDS = ("torchvision",)  # by which transformers reads pictures for its text encoder

    @property
    def traits(self) -> Traits:
        """What this editor is and how it takes a clip."""
        stride = max(2 * self.pipeline.vae_scale_factor, 32)  # it brings the picture to multiples of 32 itself
        return picture_traits(stride, 1024 * 1024, steps=50, guidance=4.0)

    def edit(self, clip: ClipWindow, instruction: str, mask: Mask | None, seed: int, settings: Settings) -> Drawn:
        """Draw a window of the clip, as `Editor.edit` says."""
        negative = " "  # without one there is no guidance
        scale = self.guidance(settings)
        output = self.call_on_picture(clip, instruction, seed, settings, negative_prompt=negative, true_cfg_scale=scale)
        return np.asarray(output.images)


class QwenPlusEditor(QwenEditor):
    """`QwenImageEditPlusPipeline`, of the checkpoints 2509 and later: it is called alike."""

    PIPELINE = "QwenImageEditPlusPipeline"

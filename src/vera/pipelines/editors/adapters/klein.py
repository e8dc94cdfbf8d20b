"""FLUX.2 [klein] (Black Forest Labs): edits one picture by an instruction."""

import numpy as np

from vera.pipelines.editors.adapters.adapter import Adapter, picture_traits
from vera.pipelines.editors.protocol import ClipWindow, Drawn, Mask, Settings, Traits


class KleinEditor(Adapter):
    """`Flux2KleinPipeline`. Distilled checkpoints say so in model_index.json and take 4 steps without guidance, others
    the pipeline's own 50 and 4. Frames stay below the 1024 x 1024 pixels to which the pipeline shrinks a reference."""

    PIPELINE = "Flux2KleinPipeline"
    STILL = True

    @property
    def traits(self) -> Traits:
        """What this editor is and how it takes a clip."""
        steps, guidance = (4, 1.0) if self.pipeline.config.get("is_distilled") else (50, 4.0)
        return picture_traits(2 * self.pipeline.vae_scale_factor, 1280 * 720, steps, guidance)

    def edit(self, clip: ClipWindow, instruction: str, mask: Mask | None, seed: int, settings: Settings) -> Drawn:
        """Draw a window of the clip, as `Editor.edit` says."""
        scale = self.guidance(settings)
        return np.asarray(self.call_on_picture(clip, instruction, seed, settings, guidance_scale=scale).images)

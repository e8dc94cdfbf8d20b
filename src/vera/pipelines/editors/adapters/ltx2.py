"""LTX-2 (Lightricks) with an in-context LoRA: the clip is shown as a reference, and followed as the LoRA has learnt."""

from collections.abc import Mapping
from typing import Any

from vera.errors import VeraError, brief
from vera.pipelines.editors.adapters.adapter import Adapter, padded, pictures
from vera.pipelines.editors.protocol import ClipWindow, Drawn, Mask, Settings, Traits

FACTOR, SMALLEST = "reference_downscale_factor", 8  # the key in a LoRA's header, and the most that is believed


class Ltx2Editor(Adapter):
    """`LTX2InContextPipeline`, also of checkpoints that call themselves `LTX2Pipeline`: they have the same parts.

    Size, length, steps and guidance are the pipeline's own. It knows the rate of a clip. What it makes of sound is
    left out: an edit keeps the source's. The clip is shown as small as the LoRA's file says it was when it learnt.
    """

    PIPELINE = "LTX2InContextPipeline"
    TOKENS = 1024
    NEEDS_LORA = "LTX-2 follows a clip only with an in-context LoRA"

    def __init__(self, pipeline: Any) -> None:
        super().__init__(pipeline)
        self.downscale = 1

    def take_notes(self, notes: Mapping[str, str]) -> None:
        """Learn from a LoRA's metadata how much smaller its clips were; the largest factor counts."""
        written = notes.get(FACTOR, "1")
        if written not in map(str, range(1, SMALLEST + 1)):
            raise VeraError(f"the LoRA's {FACTOR} is {brief(written)}, not a number from 1 to {SMALLEST}")
        self.downscale = max(self.downscale, int(written))

    def record(self) -> dict[str, Any]:
        """What the manifest records besides the call."""
        return super().record() | {FACTOR: self.downscale}

    @property
    def traits(self) -> Traits:
        """What this editor is and how it takes a clip."""
        stride = max(self.pipeline.vae_spatial_compression_ratio * self.pipeline.transformer_spatial_patch_size, 32)
        return Traits(
            strides=(stride * self.downscale,) * 2,
            pixels=512 * 768,
            window=121,
            overlap=24,
            step=self.pipeline.vae_temporal_compression_ratio,
            rate=24,
            steps=30,
            guidance=3.0,
        )

    def edit(self, clip: ClipWindow, instruction: str, mask: Mask | None, seed: int, settings: Settings) -> Drawn:
        """Draw a window of the clip, as `Editor.edit` says."""
        from diffusers.pipelines.ltx2.pipeline_ltx2_ic_lora import LTX2ReferenceCondition

        frames = padded(clip.frames, self.traits.step)
        return self.call_on_clip(
            clip,
            len(frames),
            instruction,
            seed,
            settings,
            reference_downscale_factor=self.downscale,
            reference_conditions=[LTX2ReferenceCondition(frames=pictures(frames))],
            frame_rate=clip.rate,
        )

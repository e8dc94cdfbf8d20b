"""Lucy Edit (Decart): edits a clip by an instruction. Wan2.2's 5B network, which also sees the source."""

from vera.pipelines.editors.adapters.adapter import Adapter, clip_traits, padded, pictures, stride_of
from vera.pipelines.editors.protocol import ClipWindow, Drawn, Mask, Settings, Traits


class LucyEditor(Adapter):
    """`LucyEditPipeline`. Size, length, rate and guidance are those of the example in diffusers' documentation of it,
    the steps the pipeline's own. It sees no mask, and every window by itself."""

    PIPELINE = "LucyEditPipeline"

    @property
    def traits(self) -> Traits:
        """What this editor is and how it takes a clip."""
        return clip_traits(self.pipeline, stride_of(self.pipeline), rate=24)

    def edit(self, clip: ClipWindow, instruction: str, mask: Mask | None, seed: int, settings: Settings) -> Drawn:
        """Draw a window of the clip, as `Editor.edit` says."""
        frames = padded(clip.frames, self.traits.step)
        return self.call_on_clip(clip, len(frames), instruction, seed, settings, video=pictures(frames))

"""Wan2.1 text-to-video as an editor: the clip, noised, is denoised by the description of what it should show."""

from typing import Any

from vera.errors import VeraError
from vera.pipelines.editors.adapters.adapter import Adapter, clip_traits, first_video, padded, pictures, stride_of
from vera.pipelines.editors.protocol import ClipWindow, Drawn, Mask, Settings, Traits

STRENGTH = 0.7  # share of the way to noise that the clip goes; as in diffusers' documentation of the pipeline
SHIFTS = (3.0, 5.0)  # of Wan's schedule at 480p and 720p, from there too
LARGE = 600_000  # pixels of a frame, about half way between the two


class WanEditor(Adapter):
    """`WanVideoToVideoPipeline`, also of checkpoints that call themselves `WanPipeline`: they have the same parts.

    All of a frame is drawn anew. Size, length and guidance are those of diffusers' documentation, the rate is Wan's.
    """

    PIPELINE = "WanVideoToVideoPipeline"

    def __init__(self, pipeline: Any) -> None:
        super().__init__(pipeline)
        if pipeline.transformer.config.in_channels != pipeline.vae.config.z_dim:
            raise VeraError("this Wan takes more than a text and noise: video-to-video needs a text-to-video model")

    @property
    def traits(self) -> Traits:
        """What this editor is and how it takes a clip."""
        stride = max(stride_of(self.pipeline), 16)  # the pipeline asks for 16 whatever its autoencoder
        return clip_traits(self.pipeline, stride, rate=16, text="description", whole=True)

    def record(self) -> dict[str, Any]:
        """What the manifest records besides the call."""
        return super().record() | {"strength": STRENGTH}

    def edit(self, clip: ClipWindow, instruction: str, mask: Mask | None, seed: int, settings: Settings) -> Drawn:
        """Draw a window of the clip, as `Editor.edit` says."""
        width, height = clip.size
        with_shift(self.pipeline, width * height)
        output = self.call(
            seed,
            settings,
            video=pictures(padded(clip.frames, self.traits.step)),
            prompt=instruction,
            negative_prompt="",
            width=width,
            height=height,
            guidance_scale=self.guidance(settings),
            strength=STRENGTH,
        )
        return first_video(output, len(clip.frames))


def with_shift(pipeline: Any, pixels: int) -> None:
    """Give Wan's own scheduler the shift that goes with the frame's size; others keep theirs."""
    config = pipeline.scheduler.config
    shift = SHIFTS[pixels > LARGE]
    if config.get("flow_shift") is not None and config.flow_shift != shift:
        pipeline.scheduler = type(pipeline.scheduler).from_config(config, flow_shift=shift)

"""What the adapters of all diffusers pipelines share: text, seed, steps and progress of a call."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from vera.arrays import Frames
from vera.errors import VeraError, first_line
from vera.pipelines.editors.protocol import ClipWindow, Drawn, Mask, Settings, Traits
from vera.pipelines.samplers import sampling_by
from vera.pipelines.sampling.text import clean_prompt


class Adapter(ABC):
    """A diffusers pipeline as an `Editor`.

    `PIPELINE` is the class in diffusers that is loaded; `PARTS` are parts of it that are of another class than
    model_index.json says; `TOKENS` is how many tokens of the text are read; `STILL` as in `Traits`.
    """

    PIPELINE: ClassVar[str]
    PARTS: ClassVar[dict[str, str]] = {}
    TOKENS: ClassVar[int] = 512
    STILL: ClassVar[bool] = False
    NEEDS_LORA: ClassVar[str | None] = None  # what for
    NEEDS: ClassVar[tuple[str, ...]] = ()  # packages that its parts import

    _loaded_as: Any = None  # what `load_editor` was told

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline
        pipeline.set_progress_bar_config(disable=True)

    @property
    @abstractmethod
    def traits(self) -> Traits:
        """As in `Editor`."""

    @abstractmethod
    def edit(self, clip: ClipWindow, instruction: str, mask: Mask | None, seed: int, settings: Settings) -> Drawn:
        """As in `Editor`."""

    def take_notes(self, notes: Mapping[str, str]) -> None:  # noqa: B027  # most have nothing to heed
        """Heed what the file of a LoRA says of itself."""

    def check_text(self, instruction: str) -> None:
        """Raise VeraError if the text has more tokens than are read."""
        ids = self.pipeline.tokenizer(clean_prompt(instruction), truncation=False, verbose=False).input_ids
        if len(ids) > self.TOKENS:
            raise VeraError(f"the instruction is {len(ids)} tokens long, the model reads {self.TOKENS}: shorten it")

    def record(self) -> dict[str, Any]:
        """Say what sampled: class, scheduler and dtype."""
        scheduler = self.pipeline.scheduler
        return {
            "pipeline": type(self.pipeline).__name__,
            "scheduler": type(scheduler).__name__,
            "shift": scheduler.config.get("flow_shift", scheduler.config.get("shift")),
            "dtype": str(self.pipeline.transformer.dtype).removeprefix("torch."),
            "device": str(self.pipeline._execution_device),
            "diffusers": version("diffusers"),
        }

    def guidance(self, settings: Settings) -> float:
        """How strongly the text steers."""
        return self.traits.guidance if settings.guidance is None else settings.guidance

    def call(self, seed: int, settings: Settings, **arguments: Any) -> Any:
        """Call the pipeline with the steps and the noise of an edit; VeraError for what it refuses."""
        steps = settings.steps or self.traits.steps
        if settings.sampler is not None and "flow_shift" not in self.pipeline.scheduler.config:
            raise VeraError(f"{type(self.pipeline).__name__} samples by a schedule of its own: leave out --sampler")

        def report(pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            if settings.on_step is not None:
                settings.on_step(step + 1, pipeline.num_timesteps)
            return {}

        # On the CPU, so that the noise is the same on every device.
        noise = torch.Generator().manual_seed(seed)
        try:
            with torch.no_grad(), sampling_by(self.pipeline, settings.sampler):
                return self.pipeline(
                    num_inference_steps=steps,
                    generator=noise,
                    output_type="np",
                    callback_on_step_end=report,
                    **arguments,
                )
        except torch.OutOfMemoryError:
            raise VeraError(
                "the editor does not fit into the GPU's memory: try --offload model, --tiling or a smaller --size"
            ) from None
        except (ValueError, AssertionError) as error:
            raise VeraError(f"{type(self.pipeline).__name__} refuses this edit: {first_line(error)}") from error

    def call_on_picture(
        self, clip: ClipWindow, instruction: str, seed: int, settings: Settings, **arguments: Any
    ) -> Any:
        """Call a pipeline of single pictures on a window's first frame, in its size."""
        width, height = clip.size
        image = pictures(clip.frames)[0]
        return self.call(seed, settings, image=image, prompt=instruction, width=width, height=height, **arguments)

    def call_on_clip(
        self, clip: ClipWindow, length: int, instruction: str, seed: int, settings: Settings, **arguments: Any
    ) -> Drawn:
        """Call a pipeline of clips for `length` frames of a window's size; returns as many as the window has."""
        width, height = clip.size
        output = self.call(
            seed,
            settings,
            prompt=instruction,
            negative_prompt="",
            width=width,
            height=height,
            num_frames=length,
            guidance_scale=self.guidance(settings),
            **arguments,
        )
        return first_video(output, len(clip.frames))


def clip_traits(pipeline: Any, stride: int, rate: float, **others: Any) -> Traits:
    """Traits of Wan's family on clips: 480p in windows of 81 frames, 50 steps; `others` are further ones."""
    return Traits(
        strides=(stride, stride),
        pixels=480 * 832,
        window=81,
        overlap=16,
        step=pipeline.vae_scale_factor_temporal,
        rate=rate,
        steps=50,
        guidance=5.0,
        **others,
    )


def picture_traits(stride: int, pixels: int, steps: int, guidance: float) -> Traits:
    """Traits of an editor of single pictures."""
    return Traits(
        strides=(stride, stride),
        pixels=pixels,
        window=1,
        overlap=0,
        step=1,
        rate=None,
        steps=steps,
        guidance=guidance,
        still=True,
    )


def stride_of(pipeline: Any) -> int:
    """Pixels of a side that one token of a Wan-like transformer stands for."""
    patch: int = pipeline.transformer.config.patch_size[1]
    return int(pipeline.vae_scale_factor_spatial) * patch


def padded(frames: NDArray[Any], step: int) -> NDArray[Any]:
    """Frames `[T,...]` with the last repeated until there are `1 + k * step`."""
    missing = -(len(frames) - 1) % step
    return np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)]) if missing else frames


def pictures(frames: Frames | Mask) -> list[Image.Image]:
    """Frames `[T,H,W,3]`, or masks `[T,H,W]` with True as white, as PIL's pictures."""
    codes = frames.astype(np.uint8) * np.uint8(255) if frames.dtype == bool else frames
    return [Image.fromarray(np.ascontiguousarray(frame)) for frame in codes]


def first_video(output: Any, length: int) -> Drawn:
    """The first `length` frames of the one video in a pipeline's output."""
    frames: Sequence[Any] = output.frames
    return np.asarray(frames[0])[:length]

"""Networks that make a background of words: Wan2.1 text-to-video, as a film or, of one frame, a still."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from vera.construction.adapters.network import FILES, Network, with_less
from vera.construction.embedded.regions import Frames
from vera.construction.engine.stage import Model
from vera.errors import VeraError
from vera.fields import Range

STEP = 4  # frames of a latent frame
LEAST = 5  # frames of a film: fewer do not move
STILL = "Static camera, no people. "  # the clip's own camera moves the picture, and its own subject stands before it
PARTS = (
    "model_index.json",
    *(f"{part}/{pattern}" for part in ("transformer", "vae", "text_encoder") for pattern in FILES),
    "tokenizer/*",
    "scheduler/*",
)
Make = Callable[[str, int, tuple[int, int], int], Frames]
Prompt = Annotated[str, Range(1, 2000)]


@dataclass(frozen=True)
class GeneratorNetwork(Network):
    """Which one, and what it is told.

    Args:
        prompts: scenes to choose from; which one an object gets does not hang on the others.
        moving: make a film; a still is much cheaper.
    """

    kind: Literal["wan"] = "wan"
    prompts: Annotated[tuple[Prompt, ...], Range(0, 10_000)] = ()
    moving: bool = True
    steps: Annotated[int, Range(1, 1000)] = 50
    guidance: Annotated[float, Range(1, 50)] = 5.0

    def __post_init__(self) -> None:
        if not self.prompts:
            raise VeraError(f"background network {self.path}: give prompts, the scenes that it makes")

    @property
    def models(self) -> tuple[Model, ...]:
        """The network."""
        return (self.model(PARTS),)


@cache
def load_generator(network: GeneratorNetwork) -> Make:
    """Load a network, once in a process: a function from a prompt, frames, a size (width, height), multiples of 16, and
    a seed to a film `[T,H,W,3]`. VeraError if it cannot be loaded, or the device is not here."""
    from vera.hardware import choose_device, choose_dtype

    where = choose_device(network.device)
    number = choose_dtype("auto" if where.type == "cuda" else "float32", where)
    pipeline = _load(Path(network.folder(PARTS)), number).to(where)
    pipeline.set_progress_bar_config(disable=True)

    def make(prompt: str, frames: int, size: tuple[int, int], seed: int) -> Frames:
        if not network.moving:
            return np.repeat(_draw(pipeline, network, prompt, 1, size, seed), frames, axis=0)
        most = 1 + STEP * -(-(frames - 1) // STEP)
        film = with_less(
            lambda count: _draw(pipeline, network, prompt, 1 + (count - 1) // STEP * STEP, size, seed),
            most,
            min(LEAST, most),
            "background",
        )
        return to_and_fro(film, frames)

    return make


def to_and_fro(film: Frames, count: int) -> Frames:
    """A film of `count` frames, of one `[T,H,W,3]` that is shorter: forward and backward in turn."""
    order = [*range(len(film)), *range(len(film) - 2, 0, -1)]
    return np.asarray(film[[order[t % len(order)] for t in range(count)]])


def _draw(
    pipeline: Any, network: GeneratorNetwork, prompt: str, frames: int, size: tuple[int, int], seed: int
) -> Frames:
    import torch

    output = pipeline(
        prompt=STILL + prompt,
        negative_prompt="",
        width=size[0],
        height=size[1],
        num_frames=frames,
        num_inference_steps=network.steps,
        guidance_scale=network.guidance,
        generator=torch.Generator().manual_seed(seed),  # of the CPU: the same on every device
        output_type="np",
    )
    return np.asarray(np.rint(output.frames[0].clip(0, 1) * 255), np.uint8)


def _load(folder: Path, number: Any) -> Any:
    from diffusers import WanPipeline

    from vera.errors import first_line
    from vera.pipelines.editors.parts import list_parts, load_networks
    from vera.pipelines.folders.check import read_index
    from vera.pipelines.load import quiet_libraries

    where = f"model {folder}"
    index = read_index(folder, where)
    if index.get("_class_name") != "WanPipeline":
        raise VeraError(f"{where}: is a {index.get('_class_name')}, and backgrounds are made by a WanPipeline")
    with quiet_libraries():
        networks = load_networks(folder, list_parts(index, where), WanPipeline, number, where)
        try:
            return WanPipeline.from_pretrained(folder, **networks, local_files_only=True)
        except Exception as error:  # of a stranger's folder, anything
            raise VeraError(f"{where}: cannot be loaded ({first_line(error)})") from None

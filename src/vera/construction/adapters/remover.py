"""Networks that take an object out of a clip with its shadows and reflections, as a recipe names them."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Protocol

from vera.construction.adapters.network import FILES, Network, Weights
from vera.construction.embedded.regions import Frames, Mask
from vera.construction.engine.stage import Model
from vera.fields import Range, Seed

LONGEST = 1001  # frames
NESTED = (*FILES, *(f"transformer/{pattern}" for pattern in FILES))
PARTS = (
    *(f"{part}/{pattern}" for part in ("vae", "text_encoder", "image_encoder") for pattern in FILES),
    "tokenizer/*",
)


class Remover(Protocol):
    """Takes an object out of a clip."""

    def __call__(self, frames: Frames, masks: Mask, /) -> Frames:
        """The clip `[T,H,W,3]` without what `masks` `[T,H,W]` show, nor its effects; all of it is drawn anew."""


@dataclass(frozen=True)
class RemoverNetwork(Network):
    """Which one, and how it runs.

    Args:
        path: of its transformer: a file or folder in Wan's own layout or diffusers', or with a folder `transformer`.
        base: what its other parts are of: Wan2.1 image-to-video, in diffusers' layout.
        prompt: what is left, in words: the background. ROSE was trained on none.
        frames: of the clip that are denoised together; longer clips are, in windows that share half with the next.
        steps: of the flow's Euler method.
    """

    base: Weights = field(kw_only=True)
    kind: Literal["casper", "rose"] = "casper"
    prompt: Annotated[str, Range(0, 2000)] = ""
    frames: Annotated[int, Range(9, LONGEST)] = 81
    steps: Annotated[int, Range(1, 1000)] = 50
    seed: Seed = 0

    @property
    def models(self) -> tuple[Model, ...]:
        """The transformer, and the base."""
        return self.model(NESTED), self.base.model(PARTS)


@cache
def load_remover(network: RemoverNetwork) -> Remover:
    """Load a network, once in a process. VeraError if it cannot be loaded, or the device is not here."""
    from vera.construction.adapters.wan_inpainting import load_inpainting
    from vera.construction.adapters.wan_remover import WanRemover
    from vera.hardware import choose_device, choose_dtype

    where = choose_device(network.device)
    number = choose_dtype("auto" if where.type == "cuda" else "float32", where)
    path, base = Path(network.folder(NESTED)), Path(network.base.folder(PARTS))
    nested = path / "transformer"
    parts = load_inpainting(nested if nested.is_dir() else path, base, where, number)
    return WanRemover(parts, network.kind, network.prompt, network.frames, network.steps, network.seed)

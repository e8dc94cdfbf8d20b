"""Networks that find the fine edges of an object that is roughly known: ViTMatte and VideoMaMa."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from vera.arrays import Float
from vera.construction.adapters.network import Network, Weights, with_less
from vera.construction.embedded.regions import Frames, Mask, box_about, grown, shrunk
from vera.construction.engine.stage import Model
from vera.errors import VeraError
from vera.fields import Range
from vera.layers.layerize.matting import matte_at

NESTED = ("*.json", "*.safetensors", "unet/*.json", "unet/*.safetensors")
AUTOENCODER = ("vae/*.json", "vae/*.safetensors")
MARGIN = 32  # pixels about what is unknown, that the network is shown as well
SMALLEST = 4  # parts of a picture's side below which the network is not worth its memory
# The published networks' trimaps are of dilations by up to 20 pixels of pictures about 1000 wide; here a mask is known.
REACH = 1 / 60  # of the frame's longer side, to either side of a mask's edge


@dataclass(frozen=True)
class MatterNetwork(Network):
    """Which one.

    Args:
        base: what VideoMaMa was tuned from, Stable Video Diffusion, whose autoencoder it needs. ViTMatte has none.
        window: frames that VideoMaMa is given at once at most.
    """

    kind: Literal["vitmatte", "videomama"] = "vitmatte"
    base: Weights | None = None
    window: Annotated[int, Range(2, 1000)] = 16

    def __post_init__(self) -> None:
        if (self.kind == "videomama") != (self.base is not None):
            raise VeraError(
                f"matte network {self.path}: videomama has a base, Stable Video Diffusion; no other has one"
            )

    @property
    def models(self) -> tuple[Model, ...]:
        """The network, and its base if it has one."""
        if self.base is None:
            return super().models
        return self.model(NESTED), self.base.model(AUTOENCODER)


@cache
def load_matter(network: MatterNetwork) -> Callable[[Frames, Mask], Float]:
    """Load a network, once in a process: a function from frames `[T,H,W,3]` and masks `[T,H,W]` to mattes `[T,H,W]`.

    VeraError if it cannot be loaded, or the device is not here.
    """
    return _load_videomama(network) if network.kind == "videomama" else _load_vitmatte(network)


def _load_vitmatte(network: MatterNetwork) -> Callable[[Frames, Mask], Float]:
    from vera.pipelines.matting import load_matting

    matting = load_matting(network.folder(), network.device)
    return lambda frames, masks: np.stack(
        [_matte(matting, frame, mask) for frame, mask in zip(frames, masks, strict=True)]
    )


def _load_videomama(network: MatterNetwork) -> Callable[[Frames, Mask], Float]:
    from vera.construction.adapters.videomama import load_videomama
    from vera.hardware import choose_device, choose_dtype

    assert network.base is not None
    where = choose_device(network.device)
    number = choose_dtype("auto" if where.type == "cuda" else "float32", where)
    path, base = Path(network.folder(NESTED)), Path(network.base.folder(AUTOENCODER))
    return load_videomama(path, base, where, number, network.window)


def _matte(matting: Any, frame: Frames, mask: Mask) -> Float:
    """Alpha `[H,W]` in [0,1]: 1 well inside the mask, 0 well outside, and the network's own in between."""
    alpha = np.zeros(mask.shape, np.float32)
    reach = max(3, round(REACH * max(mask.shape)))
    around, inside = grown(mask, reach), shrunk(mask, reach)
    box = box_about(around, MARGIN)
    if not mask.any() or around.all():
        return mask.astype(np.float32)
    trimap = np.where(inside, np.uint8(255), around * np.uint8(128))[box]
    picture = np.ascontiguousarray(frame[box])
    found = with_less(lambda parts: _shown(matting, picture, trimap, parts), SMALLEST, 1, "matte")
    alpha[box] = np.where(trimap == 128, found, trimap / np.float32(255))
    return alpha


def _shown(matting: Any, picture: Frames, trimap: Frames, parts: int) -> Float:
    """The network's alpha of a picture in `parts / SMALLEST` of its size: half of it takes a quarter of the memory."""
    if parts == SMALLEST:
        return np.asarray(matting(picture, trimap))
    height, width = (max(32, side * parts // SMALLEST) for side in trimap.shape)
    return matte_at(matting, picture, trimap, (width, height))

"""ViTMatte (Yao et al., 2023): alpha of something in a picture, whose inside and surroundings are roughly known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vera.arrays import Float
from vera.errors import VeraError, first_line
from vera.hardware import choose_device, choose_dtype
from vera.metrics.learned.weights import load_network
from vera.pipelines.folders.hub import fetch_model, hub_name, on_disk


@dataclass(frozen=True)
class ViTMatte:
    """The network with its processor, as `Matting`."""

    name: str
    network: Any
    prepare: Any

    @torch.inference_mode()
    def __call__(self, picture: NDArray[np.uint8], trimap: NDArray[np.uint8], /) -> Float:
        """Return alpha `[h,w]`, float32 in [0,1], as `Matting` says."""
        inputs = self.prepare(images=picture, trimaps=trimap, return_tensors="pt")["pixel_values"]
        alpha = self.network(pixel_values=inputs.to(self.network.device, self.network.dtype)).alphas[0, 0]
        height, width = trimap.shape  # the processor pads below and on the right
        return np.asarray(alpha[:height, :width].float().cpu().numpy())


def load_matting(name: str, device: str = "auto", dtype: str = "float32") -> ViTMatte:
    """Load ViTMatte from the folder or the hub's model `name`, such as hustvl/vitmatte-small-composition-1k.

    VeraError if it cannot be loaded or lacks weights.
    """
    from transformers import VitMatteForImageMatting
    from transformers.models.vitmatte.image_processing_pil_vitmatte import VitMatteImageProcessorPil

    where = choose_device(device)
    folder = _folder(name)
    network = load_network(VitMatteForImageMatting, folder, "matting model", where, choose_dtype(dtype, where))
    try:
        prepare = VitMatteImageProcessorPil.from_pretrained(folder)
    except Exception as error:  # of a stranger's folder and of the net, anything
        raise VeraError(f"matting model {name}: has no settings for pictures ({first_line(error)})") from None
    return ViTMatte(name, network, prepare)


def _folder(name: str) -> str:
    """Where the network lies, fetched from the hub if need be. A misspelt path is told, and never asks the hub."""
    if on_disk(name) is not None:
        return name
    published = hub_name(name)
    if published is None:
        raise VeraError(f"matting model {name}: there is no such folder, and it is no owner/name of the hub")
    return str(fetch_model(published, ("*.json", "*.safetensors"), what="matting model"))

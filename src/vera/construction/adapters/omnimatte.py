"""An object's layers by a small network that is fitted to one clip: for smoke and water, whose colours are not smooth.

As in Omnimatte (Lu et al., 2021) and Generative Omnimatte (Lee et al., 2025): of a frame, and of how it differs from
the plate, the network makes the layer that gives the frame when laid over the plate. What covers little is preferred;
at first the object's mask is shown to it, later only that it covers its inside.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from vera.arrays import Float
from vera.construction.embedded.layers import NOISE, ObjectLayers
from vera.construction.embedded.regions import Frames, Mask, shrunk
from vera.layers.layerize.unmix import Layers, straight_colors

WIDTHS = 16, 32, 64  # channels, from the frame's size to a quarter of it
RATE = 1e-3
# Weights of the loss, beside 1 for the square of what is not reproduced. Those of alpha's mean and of how much of the
# frame it touches grow with the object's area.
COVER, TOUCH, KNEE = 0.75, 0.075, 5.0
TAUGHT, REMINDED = 10.0, 0.1  # of the mask: until a sixth of the steps, and after that of its ones alone
LEAST = 0.02  # of light, that colours begin with
SOFT = 5  # pixels of a mask's edge that it is not taught


@dataclass(frozen=True)
class Fit:
    """How long a clip is fitted: in `steps` of `frames` random frames; on which device."""

    steps: int = 6000
    frames: int = 16
    device: str = "cpu"
    seed: int = 0


def fit_layers(
    frames: Frames, plate: Frames, holes: Mask, mattes: Float, fit: Fit, noise: float = NOISE
) -> ObjectLayers:
    """Layers that make a clip `[T,H,W,3]` out of its `plate`, inside the `holes` `[T,H,W]`; alpha is at least `mattes`.

    The same on one device every time.
    """
    from vera.hardware import choose_device

    device = choose_device(fit.device)
    clip, behind = (torch.from_numpy(np.ascontiguousarray(held.transpose(0, 3, 1, 2))) for held in (frames, plate))
    inner = torch.from_numpy(np.stack([shrunk(matte > 0.5, SOFT) for matte in mattes]))
    outer = torch.from_numpy(mattes > 0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(fit.seed)
        network = LayerNet().to(device)
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    order = torch.Generator().manual_seed(fit.seed)
    for step in range(fit.steps):
        chosen = torch.randperm(len(clip), generator=order)[: fit.frames]
        seen, bare = (held[chosen].to(device).float() / 255 for held in (clip, behind))
        loss = _loss(network, seen, bare, inner[chosen].to(device), outer[chosen].to(device), step * 6 < fit.steps)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    return _layers(network, clip, behind, holes, mattes, noise)


class LayerNet(nn.Module):
    """A U-Net from a frame and its difference from the plate `[N,6,H,W]` to colours `[N,3,H,W]` and alpha `[N,H,W]`."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            _block(before, after) for before, after in zip((6, *WIDTHS[:-1]), WIDTHS, strict=True)
        )
        self.up = nn.ModuleList(_block(below + own, own) for own, below in pairwise(WIDTHS))
        self.out = nn.Conv2d(WIDTHS[0], 4, 1)

    def forward(self, frame: Tensor, plate: Tensor) -> tuple[Tensor, Tensor]:
        """Straight colours and alpha in [0,1] of frames and plates `[N,3,H,W]` in [0,1]."""
        x, held = torch.cat([frame - 0.5, (frame - plate).abs()], dim=1), []
        for level, block in enumerate(self.down):
            x = block(functional.avg_pool2d(x, 2, ceil_mode=True) if level else x)
            held.append(x)
        for level in reversed(range(len(self.up))):
            wide = functional.interpolate(x, held[level].shape[-2:], mode="bilinear")
            x = self.up[level](torch.cat([wide, held[level]], dim=1))
        out = self.out(x)
        # Colours begin as what is seen: from a grey, alpha would have no reason to leave 0.
        return (out[:, :3] + frame.logit(LEAST)).sigmoid(), out[:, 3].sigmoid()


def _block(before: int, after: int) -> nn.Sequential:
    parts: list[nn.Module] = []
    for width in (before, after):
        parts += [nn.Conv2d(width, after, 3, padding=1), nn.GroupNorm(4, after), nn.LeakyReLU(0.2)]
    return nn.Sequential(*parts)


def _loss(network: Any, seen: Tensor, bare: Tensor, inner: Tensor, outer: Tensor, taught: bool) -> Tensor:
    """The loss of frames and plates `[N,3,H,W]`, with what the object surely covers and may cover `[N,H,W]`."""
    color, alpha = network(seen, bare)
    made = alpha[:, None] * color + (1 - alpha[:, None]) * bare
    area = outer.float().mean()
    touched = (2 * (KNEE * alpha).sigmoid() - 1).mean()
    loss = (made - seen).square().mean() + area * (COVER * alpha.mean() + TOUCH * touched)
    loss = loss + (TAUGHT if taught else REMINDED) * _mean((1 - alpha).square(), inner)
    total: Tensor = loss + TAUGHT * _mean(alpha.square(), ~outer) if taught else loss
    return total


def _mean(values: Tensor, where: Tensor) -> Tensor:
    return (values * where).sum() / where.sum().clamp(min=1)


@torch.inference_mode()
def _layers(network: Any, clip: Tensor, plate: Tensor, holes: Mask, mattes: Float, noise: float) -> ObjectLayers:
    """What the network gives, frame by frame, with colours that give the frame where alpha lets them."""
    device = next(network.parameters()).device
    shape = clip.shape[-2:]
    level = np.full(shape, noise, np.float32)
    edit, alpha = np.zeros((len(clip), *shape, 3), np.uint8), np.zeros((len(clip), *shape), np.float32)
    for t, hole in enumerate(holes):
        seen, bare = (held[t : t + 1].to(device).float() / 255 for held in (clip, plate))
        color, found = (part[0].cpu().numpy() for part in network(seen, bare))
        alpha[t] = np.where(hole, np.maximum(found, mattes[t]), np.float32(0))
        frame, behind = (part[0].permute(1, 2, 0).cpu().numpy() for part in (seen, bare))
        layers = Layers(alpha[t], np.ascontiguousarray(color.transpose(1, 2, 0)))
        edit[t] = np.rint(straight_colors(behind, frame, layers, level) * 255)
    return ObjectLayers(edit, alpha)

"""Mattes by VideoMaMa (Lim et al., 2026): Stable Video Diffusion, tuned to make a matte of a mask in one step.

The network is shown noise, the frames and the mask, each as latents, and no picture beside them; what it gives are the
matte's latents. Only its interface is used here; it runs on diffusers' own parts.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from vera.arrays import Float
from vera.construction.adapters.network import with_less
from vera.construction.embedded.regions import Frames, Mask
from vera.errors import VeraError, first_line

SIZE = 1024, 576  # width and height of the pictures that it was tuned on
TIMES = 7.0, 127.0, 0.0  # frames a second, motion and noise that Stable Video Diffusion is told of: its usual ones
TIME = 1.0  # of the one step
OVERLAP = 4  # frames that neighbouring windows share, and go over into one another in
LEAST = 2  # frames of a window
SEED = 0
CODED = 4  # frames that are coded together


@dataclass(frozen=True)
class VideoMaMa:
    """The network and the autoencoder; at most `window` frames are looked at together."""

    network: Any
    vae: Any
    window: int

    @torch.inference_mode()
    def __call__(self, frames: Frames, masks: Mask, /) -> Float:
        """Mattes `[T,H,W]` in [0,1] of a clip `[T,H,W,3]` and masks `[T,H,W]`; 0 where a frame's mask is empty."""
        from vera.pipelines.sampling.windows import plan_windows

        seen, rough = (
            self._encode(frames),
            self._encode(masks.astype(np.uint8)[..., None].repeat(3, -1) * np.uint8(255)),
        )
        noise = torch.randn(seen.shape, generator=torch.Generator().manual_seed(SEED)).to(seen)

        def matte(size: int) -> Float:
            windows = plan_windows(len(frames), size, min(OVERLAP, size - 1))
            found = np.zeros(frames.shape[:3], np.float32)
            for start, weights in zip(windows.starts, windows.weights, strict=True):
                part = slice(start, start + windows.size)
                alpha = self._decode(self._step(noise[part], seen[part], rough[part]), frames.shape[1:3])
                found[part] += weights.numpy()[:, None, None] * alpha
            return found * masks.any((1, 2), keepdims=True)

        return with_less(matte, min(self.window, len(frames)), min(LEAST, len(frames)), "matte")

    def _step(self, noise: Tensor, seen: Tensor, rough: Tensor) -> Tensor:
        """The matte's latents `[T,4,h,w]`."""
        network = self.network
        shown = torch.cat([noise, seen, rough], dim=1)[None].to(network.dtype)
        none = torch.zeros(1, 1, network.config.cross_attention_dim).to(shown)
        found: Tensor = network(shown, torch.tensor([TIME]).to(shown), none, torch.tensor([TIMES]).to(shown)).sample[0]
        return found

    def _encode(self, frames: Frames) -> Tensor:
        """Latents `[T,4,h,w]`, not scaled, as Stable Video Diffusion is shown pictures."""
        vae, latents = self.vae, []
        for start in range(0, len(frames), CODED):
            small = [cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA) for frame in frames[start : start + CODED]]
            video = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).to(vae.device, vae.dtype) / 127.5 - 1
            latents.append(vae.encode(video).latent_dist.mode().float())
        return torch.cat(latents)

    def _decode(self, latents: Tensor, shape: tuple[int, ...]) -> Float:
        """Alpha `[T,*shape]` in [0,1]: the mean of the channels."""
        vae, alphas = self.vae, []
        for part in (latents / vae.config.scaling_factor).to(vae.dtype).split(CODED):
            grey = vae.decode(part, num_frames=len(part)).sample.float().mean(1)
            alphas += list((grey / 2 + 0.5).clamp(0, 1).cpu().numpy())
        return np.stack([cv2.resize(alpha, shape[::-1], interpolation=cv2.INTER_LINEAR) for alpha in alphas])


def load_videomama(path: Path, base: Path, where: torch.device, number: torch.dtype, window: int) -> VideoMaMa:
    """Load the network of a folder, or its folder `unet`, and the autoencoder of Stable Video Diffusion.

    VeraError for what is none of this, or lacks weights.
    """
    from diffusers import AutoencoderKLTemporalDecoder, UNetSpatioTemporalConditionModel

    nested = path / "unet"
    network = _load(UNetSpatioTemporalConditionModel, nested if nested.is_dir() else path, number)
    channels = network.config.in_channels
    if channels != 3 * network.config.out_channels:
        raise VeraError(f"model {path}: reads {channels} channels, and a matte by mask has 12: is it the right one?")
    # In float32: what is rounded here is seen in the matte.
    vae = _load(AutoencoderKLTemporalDecoder, base / "vae", torch.float32)
    return VideoMaMa(network.to(where), vae.to(where), window)


def _load(kind: Any, folder: Path, number: torch.dtype) -> Any:
    try:
        network, info = kind.from_pretrained(
            folder, dtype=number, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:  # of a stranger's folder, anything
        raise VeraError(f"model {folder}: cannot be loaded ({first_line(error)}); check the path") from None
    if missing := sorted(info["missing_keys"]):
        raise VeraError(f"model {folder}: lacks weights, such as {missing[0]}: is it the right one?")
    return network.eval().requires_grad_(False)

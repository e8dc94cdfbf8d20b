"""Removal by Casper and ROSE: the clip's latents and a mask beside noise, denoised in windows.

Their mask is shown inverted, and not in the sense of its files: what is to go is 0. In Casper's what is not said of is
about 1/2, and 1 is what must stay; in ROSE's all else is 1. The clip itself is shown whole, with the object.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vera.construction.adapters.network import with_less
from vera.construction.adapters.wan_inpainting import WanInpainting
from vera.construction.embedded.regions import Frames, Mask, grown
from vera.models.pixels import to_network
from vera.pipelines.sampling.spans import decode_spans, encode_spans
from vera.pipelines.sampling.text import encode_text
from vera.pipelines.sampling.windows import average_windows, plan_windows

STEP = 4  # frames of a latent frame
SHIFT = 5.0  # of the schedule, as both were published
TEXT = 512  # tokens
LEAST = 3  # latent frames of a window
UNSAID = 1 - 127 / 255  # Casper's mask, shown inverted, where nothing is said
REACH = 5  # pixels by which masks are grown: a square of 11
CLIP_MEAN, CLIP_DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class WanRemover:
    """Loaded networks as `vera.construction.adapters.remover.Remover`; the rest is as its `RemoverNetwork` says."""

    parts: WanInpainting
    kind: Literal["casper", "rose"]
    prompt: str
    frames: int
    steps: int
    seed: int

    @torch.inference_mode()
    def __call__(self, frames: Frames, masks: Mask, /) -> Frames:
        """As `Remover` says. VeraError where memory does not suffice for the shortest window."""
        latents = self._encode(frames)
        keep = shown_mask(masks, self.kind, latents.shape[-2:]).to(latents)
        known = torch.cat([keep, latents], dim=1)
        text = encode_text(self.parts.tokenizer, self.parts.text_encoder, [self.prompt], TEXT)
        picture = self._look(frames[0])
        most = min(1 + (self.frames - 1) // STEP, latents.shape[2])
        least = min(LEAST, most)
        drawn = with_less(lambda size: self._denoise(known, text, picture, size), most, least, "remove")
        return self._decode(drawn, len(frames))

    def _denoise(self, known: Tensor, text: Tensor, picture: Tensor, size: int) -> Tensor:
        """Latents `[1,16,T',h,w]` of the clip without the object, in windows of `size`, averaged at every step."""
        from diffusers import FlowMatchEulerDiscreteScheduler

        transformer, windows = self.parts.transformer, plan_windows(known.shape[2], size, size // 2)
        scheduler = FlowMatchEulerDiscreteScheduler(shift=SHIFT)
        scheduler.set_timesteps(self.steps, device=known.device)
        generator = torch.Generator().manual_seed(self.seed)  # of the CPU: the same on every device
        shape = known.shape[0], known.shape[1] - 4, *known.shape[2:]
        drawn = torch.randn(shape, generator=generator).to(known.device)
        for time in scheduler.timesteps:

            def predict(part: slice, drawn: Tensor = drawn, time: Tensor = time) -> Tensor:
                seen = torch.cat([drawn[:, :, part], known[:, :, part]], dim=1).to(transformer.dtype)
                velocity: Tensor = transformer(seen, time[None], text, picture, return_dict=False)[0]
                return velocity

            drawn = scheduler.step(average_windows(predict, windows), time, drawn, return_dict=False)[0]
        return drawn

    def _look(self, frame: Frames) -> Tensor:
        """What the image encoder sees in a frame `[1,N,D]`; zeros for ROSE, which looks at no picture."""
        encoder = self.parts.image_encoder
        side = encoder.config.image_size
        small = cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA) / 255.0
        scaled = torch.from_numpy((small - CLIP_MEAN) / CLIP_DEVIATION).permute(2, 0, 1)[None]
        seen = encoder(scaled.to(encoder.device, encoder.dtype), output_hidden_states=True).hidden_states[-2]
        return torch.zeros_like(seen) if self.kind == "rose" else seen

    def _encode(self, frames: Frames) -> Tensor:
        vae = self.parts.vae
        spans = encode_spans(
            vae, [frames], len(frames), lambda group: to_network(group[None]).contiguous().to(vae.device, vae.dtype)
        )
        mean, deviation = self._statistics()
        return (torch.cat(list(spans), dim=2) - mean) / deviation

    def _decode(self, latents: Tensor, count: int) -> Frames:
        mean, deviation = self._statistics()
        codes = []
        for span in decode_spans(self.parts.vae, (latents * deviation + mean).to(self.parts.vae.dtype)):
            shown = (span.float().permute(1, 2, 3, 0) / 2 + 0.5).clamp(0, 1)
            codes.append((shown * 255).round().to(torch.uint8).cpu().numpy())
        return np.concatenate(codes)[:count]

    def _statistics(self) -> tuple[Tensor, Tensor]:
        vae = self.parts.vae
        mean, deviation = torch.tensor([vae.config.latents_mean, vae.config.latents_std], device=vae.device)
        return mean[:, None, None, None], deviation[:, None, None, None]


def shown_mask(masks: Mask, kind: str, size: tuple[int, ...]) -> Tensor:
    """Masks `[T,H,W]`, true where something goes, as a network is shown them: `[1,4,T',*size]`, 0 where it goes.

    A latent frame has four channels, one for each of its frames; the first has its only frame four times. A clip that
    is not 1 + 4k long repeats its last.
    """
    elsewhere = UNSAID if kind == "casper" else 1.0
    wide = torch.from_numpy(np.stack([grown(mask, REACH, square=True) for mask in masks]))
    shown = torch.where(wide, 0.0, elsewhere)
    ahead, missing = shown[:1].expand(STEP - 1, -1, -1), -(len(masks) - 1) % STEP
    frames = torch.cat([ahead, shown, shown[-1:].expand(missing, -1, -1)])
    small = functional.interpolate(frames[:, None], size, mode="bilinear")[:, 0]
    return small.reshape(-1, STEP, *size).transpose(0, 1)[None]

"""A pipeline's autoencoder at work: clips to normalised latents and back, whatever their length."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vera.errors import VeraError
from vera.models.pixels import to_network
from vera.pipelines.sampling.checks import check_answer, check_coded, check_frames, check_total, check_vae, check_values
from vera.pipelines.sampling.clips import read_tensor
from vera.pipelines.sampling.output import VeraPipelineOutput, blend_layers, in_form
from vera.pipelines.sampling.spans import FrameArray, decode_spans, encode_spans


class Coding:
    """Mixin of a pipeline with an autoencoder, `vae`."""

    vae: Any
    transformer: Any
    _execution_device: Any

    @property
    def vae_scale_factor_temporal(self) -> int:
        """Frames of one latent frame after the first."""
        return int(self.vae.config.scale_factor_temporal) if getattr(self, "vae", None) is not None else 4

    @property
    def vae_scale_factor_spatial(self) -> int:
        """Pixels of a latent's side."""
        return int(self.vae.config.scale_factor_spatial) if getattr(self, "vae", None) is not None else 8

    temporal_stride = vae_scale_factor_temporal

    @property
    def size_strides(self) -> tuple[int, int]:
        """Height and width of a frame must be multiples of these: the autoencoder's stride times the patch."""
        patch, stride = self.transformer.config.patch_size, self.vae_scale_factor_spatial
        return stride * int(patch[1]), stride * int(patch[2])

    @torch.no_grad()
    def encode_frames(self, frames: FrameArray | Iterable[FrameArray], total: int | None = None) -> Tensor:
        """Encode frames [T,H,W,3] or, as grey, [T,H,W] to normalised latents [1,C,T',H/8,W/8] float32.

        Frames are uint8, bool or float in [0,1]; a clip that is not 1 + 4k long repeats its last frame. Instead of an
        array they may come as an iterator of chunks [n,H,W,3] or [n,H,W] that hold `total` frames together; no more of
        it is held than is coded at once. The latents are the posterior's mode. VeraError for more or fewer frames,
        for what are no frames, and for sides that are no multiples of the autoencoder's stride.
        """
        check_vae(self.vae)
        device, stride = self._execution_device, self.vae_scale_factor_spatial
        whole = isinstance(frames, np.ndarray | Tensor)
        if not whole and (total is None or not isinstance(frames, Iterable)):
            kind = type(frames).__name__
            raise VeraError(f"the clip is an array, a tensor, or an iterator of them with their total, not {kind}")
        first: Tensor | None = None

        def check(chunk: Any) -> Tensor:
            nonlocal first
            if not isinstance(chunk, np.ndarray | Tensor):
                raise VeraError(f"a chunk of the clip is an array or a tensor, not {type(chunk).__name__}")
            tensor = read_tensor(chunk, "the clip")
            check_frames(tensor, stride)
            known = tensor if first is None else first
            if tensor.shape[1:] != known.shape[1:] or tensor.dtype != known.dtype:
                raise VeraError("the chunks of the clip are not of one size and kind: make them equal")
            first = known[:0].clone()  # its shape and kind: the frames are not held
            return tensor

        def prepare(group: Tensor) -> Tensor:
            check_values(group, "the clip")
            return to_network(group[None]).contiguous().to(device, self.vae.dtype)

        chunks: Any = map(check, [frames] if whole else frames)
        if whole:
            chunks = list(chunks)
            total = len(chunks[0]) if total is None else total
        spans = encode_spans(self.vae, chunks, check_total(total), prepare)
        mean, std = self._latent_statistics(device)
        return (torch.cat(list(spans), dim=2) - mean) / std

    @torch.no_grad()
    def decode_spans(self, latents: Tensor, frames: int, grey: bool = False) -> Iterator[Tensor]:
        """Decode normalised latents [1,C,T',h,w] or [C,T',h,w], as `output_type="latent"` gives, span by span.

        Yields RGB [n,H,W,3], or for `grey` (alpha, masks) the channels' mean [n,H,W], float32 in [0,1] on the CPU,
        `frames` in all. What is decoded at once does not grow with the clip, unless Wan's autoencoder works in tiles.
        VeraError for latents of another autoencoder or of several clips, and for frames that they do not hold.
        """
        check_vae(self.vae)
        check_coded(latents, frames, self.vae.config.z_dim, self.vae_scale_factor_temporal)
        latents = latents.to(self._execution_device)
        mean, std = self._latent_statistics(latents.device)
        z = (latents.reshape(1, *latents.shape[-4:]) * std + mean).to(self.vae.dtype)
        for decoded in decode_spans(self.vae, z):
            check_answer(decoded)
            part = (decoded[:, :frames].float().permute(1, 2, 3, 0) / 2 + 0.5).clamp(0, 1)
            frames -= len(part)
            if len(part):
                yield (part.mean(dim=-1) if grey else part).cpu()

    def decode_latents(self, latents: Tensor, frames: int, grey: bool = False) -> Tensor:
        """Decode as `decode_spans` does, to one tensor: RGB [frames,H,W,3], or [frames,H,W] if `grey`."""
        return torch.cat(list(self.decode_spans(latents, frames, grey)))

    def _latent_statistics(self, device: torch.device) -> tuple[Tensor, Tensor]:
        config = self.vae.config
        mean, std = (torch.tensor(values, device=device) for values in (config.latents_mean, config.latents_std))
        return mean[:, None, None, None], std[:, None, None, None]

    def _decode_layers(
        self, latents: Tensor, clips: list[Tensor], frames: int, composite: bool, output_type: str, batched: bool
    ) -> VeraPipelineOutput:
        """Layers of latents [B,K,C,T',H',W'], one decode at a time, to hold one layer's activations.

        A model without an alpha branch makes the whole frame anew: its last layer is the edit, opaque everywhere.
        """
        coded = dict(zip(self.transformer.config.branches, latents.unbind(1), strict=True))  # [B,C,T',H',W'] each
        edit, alpha = (coded["edit"], coded["alpha"]) if "alpha" in coded else (latents[:, -1], None)
        stride = self.vae_scale_factor_spatial
        height, width = (side * stride for side in latents.shape[-2:])
        if output_type == "latent":
            if alpha is None:
                opaque = (torch.ones(1, height, width) for _ in range(frames))
                alpha = self.encode_frames(opaque, frames).expand_as(edit)
            layers = [edit, alpha, coded["composite"] if composite else None]
            return VeraPipelineOutput(*(x if x is None or batched else x[0] for x in layers), frames=latents)

        def decode(layer: Tensor, grey: bool = False) -> list[Tensor]:
            return [self.decode_latents(z, frames, grey) for z in layer]

        edits = decode(edit)
        alphas = [torch.ones(frames, height, width) for _ in edits] if alpha is None else decode(alpha, grey=True)
        composites = decode(coded["composite"]) if composite else None
        results = None
        if clips:
            sources = [clip for clip in clips for _ in range(len(edits) // len(clips))]
            results = [blend_layers(*layers) for layers in zip(edits, alphas, sources, strict=True)]
        return VeraPipelineOutput(
            edit=in_form(edits, output_type, batched),
            alpha=in_form(alphas, output_type, batched),
            composite=None if composites is None else in_form(composites, output_type, batched),
            frames=None if results is None else in_form(results, output_type, batched=True),
        )

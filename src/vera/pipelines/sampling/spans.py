"""Clips encoded and decoded span by span, so that their length hardly shows in the memory that coding takes."""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import Tensor, nn

from vera.errors import VeraError
from vera.models import AutoencoderPatch3D
from vera.pipelines.sampling.windows import latent_length

FrameArray = np.ndarray | Tensor

CODED_TOGETHER = 16  # latent frames


def encode_spans(
    vae: Any, chunks: Iterable[FrameArray], total: int, to_network: Callable[[Tensor], Tensor]
) -> Iterator[Tensor]:
    """Encode a clip of `total` frames that comes in `chunks` [n,H,W,3] or [n,H,W]; yield latents [1,C,n',h,w] float32.

    `to_network` makes [1,3,n,H,W] in [-1,1], on the autoencoder's device and in its dtype, of n frames. A clip that is
    not 1 + 4k long repeats its last frame. The latents are the posterior's mode, exactly those of the whole clip.
    """
    stride = int(vae.config.scale_factor_temporal)
    length = latent_length(total, stride)
    step = _step(vae, length)
    ends = [min(start + step, length) for start in range(0, length, step)]
    counts = [1 + (ends[0] - 1) * stride, *((end - start) * stride for start, end in pairwise(ends))]
    groups = (to_network(group) for group in _regroup(chunks, counts, total))
    yield from _encode_causal(vae, groups) if _is_streamed(vae) else _encode_pieces(vae, groups)


def decode_spans(vae: Any, z: Tensor) -> Iterator[Tensor]:
    """Decode latents [1,C,T',h,w] of the autoencoder's dtype; yield RGB [3,n,H,W] in [-1,1], as of the whole clip."""
    yield from _decode_causal(vae, z) if _is_streamed(vae) else _decode_pieces(vae, z)


def as_tensor(frames: FrameArray) -> Tensor:
    """A tensor over the same memory where torch can: arrays may also run backwards or be of the other byte order."""
    if isinstance(frames, np.ndarray):
        frames = np.ascontiguousarray(frames, frames.dtype.newbyteorder("="))
    return torch.as_tensor(frames)


def _step(vae: Any, length: int) -> int:
    """Latent frames that are coded together."""
    if _is_streamed(vae):
        return 1
    return CODED_TOGETHER if isinstance(vae, AutoencoderPatch3D) else length


def _is_streamed(vae: Any) -> bool:
    """Whether a clip can go through one latent frame after another: Wan's does so within, but for its tiles."""
    return isinstance(vae, AutoencoderKLWan) and vae.config.patch_size is None and not vae.use_tiling


def _regroup(chunks: Iterable[FrameArray], counts: Iterable[int], total: int) -> Iterator[Tensor]:
    """Frames of `chunks` in groups of `counts`, the last filled up with the last frame. VeraError unless `total`."""
    source, pending, held, seen = iter(chunks), [], 0, 0
    for count in counts:
        while held < count and (chunk := next(source, None)) is not None:
            pending.append(as_tensor(chunk))
            held += len(chunk)
            seen += len(chunk)
        if not held or (held < count and seen < total):
            raise VeraError(f"the clip ended after {seen} frames, {total} were announced")
        joined = torch.cat(pending) if len(pending) > 1 else pending[0]
        group, rest = joined[:count], joined[count:]
        pending, held = [rest], len(rest)
        yield torch.cat([group, group[-1:].expand(count - len(group), *group.shape[1:])])
    if seen > total or next(source, None) is not None:
        raise VeraError(f"the clip has more than the {total} frames that were announced")


def _encode_pieces(vae: Any, groups: Iterator[Tensor]) -> Iterator[Tensor]:
    """Where every latent frame is coded by itself. The first frame of a piece stands alone: of all but the first piece
    it is the one before, whose latent is dropped.
    """
    last: Tensor | None = None
    for x in groups:
        piece = x if last is None else torch.cat([last, x], dim=2)
        latents: Tensor = vae.encode(piece).latent_dist.mode().float()
        yield latents if last is None else latents[:, :, 1:]
        last = x[:, :, -1:]


def _decode_pieces(vae: Any, z: Tensor) -> Iterator[Tensor]:
    length = z.shape[2]
    step = _step(vae, length)
    for start in range(0, length, step):
        first = max(start - 1, 0)  # since a piece's own first stands for a single frame
        yield vae.decode(z[:, :, first : start + step]).sample[0, :, start - first :]


@apply_forward_hook  # type: ignore[untyped-decorator]  # as of `encode` itself, for weights that wait elsewhere
def _encode_causal(vae: Any, groups: Iterator[Tensor]) -> Iterator[Tensor]:
    """Wan's encoder, which keeps what it must know of the frames before in a cache. The projection sees all at once."""
    cache = _feature_cache(vae.encoder)
    hidden = torch.cat([vae.encoder(x, feat_cache=cache, feat_idx=[0]) for x in groups], dim=2)
    mean: Tensor = vae.quant_conv(hidden).chunk(2, dim=1)[0]
    yield mean.float()


@apply_forward_hook  # type: ignore[untyped-decorator]
def _decode_causal(vae: Any, z: Tensor) -> Iterator[Tensor]:
    cache = _feature_cache(vae.decoder)
    hidden = vae.post_quant_conv(z)
    for index in range(z.shape[2]):
        frames = vae.decoder(hidden[:, :, index : index + 1], feat_cache=cache, feat_idx=[0], first_chunk=index == 0)
        yield frames[0].clamp(-1, 1)


def _feature_cache(network: nn.Module) -> list[Tensor | None]:
    """An empty place for each of the causal convolutions that a forward goes through, in their order."""
    return [None] * sum(isinstance(module, WanCausalConv3d) for module in network.modules())

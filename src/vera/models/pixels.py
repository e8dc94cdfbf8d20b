"""Pictures as networks see them."""

import torch
from torch import Tensor


def to_network(video: Tensor) -> Tensor:
    """View clips [B,T,H,W,3] or grey [B,T,H,W], uint8, bool or float in [0,1], as [B,3,T,H,W] float32 in [-1,1].

    Grey becomes three equal channels. The order in memory is the clips' own, with channels last.
    """
    if video.ndim == 4:
        video = video[..., None].expand(*video.shape, 3)
    video = video.permute(0, 4, 1, 2, 3)
    video = video.float() / 255 if video.dtype == torch.uint8 else video.float()
    return video * 2 - 1

"""Patch embedding and unpatchify for K layers, with layer embeddings and source and mask conditioning."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from diffusers.models._modeling_parallel import ContextParallelInput, ContextParallelOutput
from diffusers.models.normalization import FP32LayerNorm
from torch import Tensor, nn

WAVES = 8
MIN_TIME = 0.05  # noise below which a clean sample's error is no longer magnified to that of a velocity


class LayerTokens:
    """Mixin of a transformer over layers: layer embeddings, and patch embeddings of source and mask, all zero at first.

    Every branch but the first has a layer embedding. The source's tokens are added to the last branch, mask tokens to
    `alpha` (to the last branch where there is none). With `coordinates` all tokens get an embedding of where in the
    frame they lie: rotary positions are relative and tell left from right by the borders at best.
    """

    config: Any
    source_embedding: Any
    mask_embedding: Any
    layer_embedding: Any
    coordinate_embedding: Any

    _skip_layerwise_casting_patterns = [  # noqa: RUF012
        "patch_embedding",
        "source_embedding",
        "mask_embedding",
        "coordinate_embedding",
        "condition_embedder",
        "norm",
    ]
    _keep_in_fp32_modules = ["rope", "time_embedder", "scale_shift_table", "norm1", "norm2", "norm3"]  # noqa: RUF012

    # Split before the layers are concatenated, each by itself: a part of the whole would be other layers' tokens.
    _cp_plan = {  # noqa: RUF012 (diffusers' protocol)
        "rope": {index: ContextParallelInput(split_dim=1, expected_dims=4, split_output=True) for index in (0, 1)},
        "shard_tokens": {"input": ContextParallelInput(split_dim=1, expected_dims=3)},
        "gather_patches": ContextParallelOutput(gather_dim=2, expected_dims=4),
    }

    def _make_embeddings(
        self,
        branches: tuple[str, ...],
        in_channels: int,
        dim: int,
        patch_size: tuple[int, int, int],
        coordinates: bool = False,
    ) -> None:
        self.source_branch = branches[-1]
        self.mask_branch = "alpha" if "alpha" in branches else branches[-1]
        # No bias: the layer embedding is one already, and an all-zero mask latent then equals no mask.
        self.source_embedding = nn.Conv3d(in_channels, dim, patch_size, patch_size, bias=False)
        self.mask_embedding = nn.Conv3d(in_channels, dim, patch_size, patch_size, bias=False)
        nn.init.zeros_(self.source_embedding.weight)
        nn.init.zeros_(self.mask_embedding.weight)
        self.layer_embedding = LayerEmbedding(branches[1:], dim)
        self.coordinate_embedding = nn.Linear(2 * WAVES, dim, bias=False) if coordinates else None
        # Where context parallelism splits a layer's tokens and joins all layers' patches again.
        self.shard_tokens = nn.Identity()
        self.gather_patches = nn.Identity()

    def _embed_layers(
        self,
        patch_embeddings: Iterable[tuple[str, nn.Module]],
        hidden_states: Tensor,
        source: Tensor,
        mask: Tensor | None,
    ) -> list[Tensor]:
        """Tokens [B, N, D] of each branch, from `hidden_states` [B, branches, C, T, H, W] and latents [B, C, T, H, W].

        `patch_embeddings` are the branches' names, in order, and modules. Under context parallelism N is this process's
        share of the tokens.
        """
        streams = []
        for index, (branch, patch_embedding) in enumerate(patch_embeddings):
            tokens = patch_embedding(hidden_states[:, index])
            if branch == self.mask_branch and mask is not None:
                tokens = tokens + self.mask_embedding(mask)
            if branch == self.source_branch:
                tokens = tokens + self.source_embedding(source)
            if self.coordinate_embedding is not None:
                places = self.coordinate_embedding(coordinate_waves(tokens.shape[3], tokens.shape[4]).to(tokens))
                tokens = tokens + places.permute(2, 0, 1)[:, None]
            tokens = self.layer_embedding(tokens.flatten(2).transpose(1, 2), branch)
            streams.append(self.shard_tokens(tokens))
        return streams

    def _velocity(self, patches: Tensor, hidden_states: Tensor, timestep: Tensor) -> Tensor:
        """[B, branches, C, T, H, W] like the noisy `hidden_states`, from what the output heads made of their tokens."""
        sample = unpatchify(self.gather_patches(patches), self.config.patch_size, hidden_states.shape[3:])
        return velocity_of(sample, hidden_states, timestep) if self.config.prediction_type == "sample" else sample


class LayerEmbedding(nn.Module):
    """A vector, zero at first, for each branch but the first, by which its tokens are told apart."""

    def __init__(self, branches: Iterable[str], dim: int) -> None:
        super().__init__()
        for branch in branches:
            self.register_parameter(branch, nn.Parameter(torch.zeros(dim)))

    def forward(self, tokens: Tensor, branch: str) -> Tensor:
        """Tokens [B, N, D] of a branch with its vector added; a forward, so that offloading hooks see its use."""
        return tokens + getattr(self, branch) if branch in self._parameters else tokens


def coordinate_waves(rows: int, columns: int) -> Tensor:
    """[rows, columns, 2 * WAVES]: cosines of 1 to WAVES half periods over the frame's height, then over its width.

    They tell the share of the way across, whatever the size.
    """
    waves = torch.arange(1, WAVES + 1) * math.pi
    down, across = (torch.cos((torch.arange(n) + 0.5)[:, None] / n * waves) for n in (rows, columns))
    grids = down[:, None].expand(rows, columns, WAVES), across[None].expand(rows, columns, WAVES)
    return torch.cat(grids, dim=-1)


class OutputHead(nn.Module):
    """The final modulated norm and projection from tokens to patches."""

    def __init__(self, dim: int, patch_values: int, eps: float) -> None:
        super().__init__()
        self.norm_out = FP32LayerNorm(dim, eps, elementwise_affine=False)
        self.proj_out = nn.Linear(dim, patch_values)
        self.scale_shift_table = nn.Parameter(torch.randn(1, 2, dim) / dim**0.5)

    def forward(self, hidden_states: Tensor, temb: Tensor) -> Tensor:
        """Map tokens [B, N, D], with `temb` [B, D], to [B, N, patch_values]."""
        shift, scale = (self.scale_shift_table + temb.unsqueeze(1)).chunk(2, dim=1)
        hidden_states = (self.norm_out(hidden_states.float()) * (1 + scale) + shift).type_as(hidden_states)
        patches: Tensor = self.proj_out(hidden_states)
        return patches


def check_prediction_type(name: str) -> None:
    """ValueError unless the network's output is a velocity (`flow_prediction`) or clean latents (`sample`)."""
    if name not in ("flow_prediction", "sample"):
        raise ValueError(f"prediction_type must be 'flow_prediction' or 'sample', not {name!r}")


def velocity_of(clean: Tensor, noisy: Tensor, timestep: Tensor) -> Tensor:
    """The velocity `(noisy - clean) / t`, where `clean` [B, ...] is predicted at `timestep` [B] in [0, 1000].

    Times below MIN_TIME count as that (Li and He, "Back to Basics: Let Denoising Generative Models Denoise", 2025).
    """
    times = (timestep.float() / 1000).clamp(min=MIN_TIME).reshape(-1, *[1] * (noisy.ndim - 1))
    return ((noisy.float() - clean.float()) / times).type_as(noisy)


def unpatchify(patches: Tensor, patch_size: Sequence[int], size: Sequence[int]) -> Tensor:
    """[B, branches, N, patch values] -> [B, branches, C, T, H, W], where `size` is T, H, W."""
    grid = [length // patch for length, patch in zip(size, patch_size, strict=True)]
    patches = patches.reshape(*patches.shape[:2], *grid, *patch_size, -1)  # b k t h w pt ph pw c
    return patches.permute(0, 1, 8, 2, 5, 3, 6, 4, 7).flatten(7, 8).flatten(5, 6).flatten(3, 4)

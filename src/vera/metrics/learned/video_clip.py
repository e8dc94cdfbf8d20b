"""The network of VideoCLIP-XL (Wang et al., 2024), version 2 too: CLIP's large vision transformer over eight frames,
and its text transformer over 248 tokens, with the published file's names of weights. transformers has no class for it.
"""

import torch
from torch import Tensor, nn

FRAMES, SIDE, PATCH = 8, 224, 14  # of the vision transformer
TOKENS = 248  # of a caption
KEPT = 20  # positions of the text that are CLIP's own; those after are of the stretched table (Long-CLIP)
_HEAD = 64  # channels of an attention head, in both transformers


class Block(nn.Module):
    """A transformer block of CLIP."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, width // _HEAD, batch_first=True)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """`[B,N,C]` to the same; `mask` `[N,N]` is True where a token must not look."""
        normed = self.ln_1(x)
        x = x + self.attn(normed, normed, normed, need_weights=False, attn_mask=mask)[0]
        hidden = self.mlp["c_fc"](self.ln_2(x))
        out: Tensor = x + self.mlp["c_proj"](hidden * torch.sigmoid(1.702 * hidden))
        return out


class Transformer(nn.Module):
    """Blocks one after another."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width) for _ in range(depth))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """`[B,N,C]` to the same."""
        for block in self.resblocks:
            x = block(x, mask)
        return x


class VisionTower(nn.Module):
    """Patches of all frames in one attention."""

    def __init__(self, width: int, depth: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, width, (1, PATCH, PATCH), (1, PATCH, PATCH), bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.positional_embedding = nn.Parameter(torch.zeros((SIDE // PATCH) ** 2 + 1, width))
        self.temporal_positional_embedding = nn.Parameter(torch.zeros(1, FRAMES, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = Transformer(width, depth)
        self.proj = nn.Parameter(torch.zeros(width, out))

    def forward(self, frames: Tensor) -> Tensor:
        """Frames `[B,3,FRAMES,SIDE,SIDE]`, normalised, to embeddings `[B,D]`."""
        patches = self.conv1(frames).flatten(3).permute(0, 2, 3, 1)  # [B,T,N,C]
        patches = patches + self.positional_embedding[1:] + self.temporal_positional_embedding[..., None, :]
        first = (self.class_embedding + self.positional_embedding[0]).expand(len(frames), 1, -1)
        x = self.transformer(self.ln_pre(torch.cat([first, patches.flatten(1, 2)], dim=1)))
        out: Tensor = self.ln_post(x[:, 0]) @ self.proj
        return out


class TextTower(nn.Module):
    """Tokens that look back only; the embedding is read off the end of the text."""

    def __init__(self, width: int, depth: int, out: int, vocabulary: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.zeros(TOKENS, width))
        self.positional_embedding_res = nn.Parameter(torch.zeros(TOKENS, width))
        self.transformer = Transformer(width, depth)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.zeros(width, out))
        self.logit_scale = nn.Parameter(torch.zeros(()))  # of training; in the file

    def forward(self, tokens: Tensor) -> Tensor:
        """Token numbers `[B,N]`, N up to `TOKENS`, to embeddings `[B,D]`; the end has the highest number of all."""
        positions = torch.cat([self.positional_embedding[:KEPT], self.positional_embedding_res[KEPT:]])
        x = self.token_embedding(tokens) + positions[: tokens.shape[1]]
        ahead = torch.ones(2 * (tokens.shape[1],), dtype=torch.bool, device=tokens.device).triu(1)
        x = self.ln_final(self.transformer(x, ahead))
        last: Tensor = x[torch.arange(len(tokens), device=tokens.device), tokens.argmax(dim=-1)]
        return last @ self.text_projection


class Vision(nn.Module):
    """The vision tower, where the published file has it, and a scale of training."""

    def __init__(self, width: int, depth: int, out: int) -> None:
        super().__init__()
        self.vision_encoder = VisionTower(width, depth, out)
        self.temp = nn.Parameter(torch.zeros(()))


class VideoClip(nn.Module):
    """Both towers. Args: their widths, depths, and the size of the common embedding; published are the defaults."""

    def __init__(
        self,
        vision: tuple[int, int] = (1024, 24),
        text: tuple[int, int] = (768, 12),
        out: int = 768,
        vocabulary: int = 49408,
    ) -> None:
        super().__init__()
        self.text_model = TextTower(*text, out, vocabulary)
        self.vision_model = Vision(*vision, out)

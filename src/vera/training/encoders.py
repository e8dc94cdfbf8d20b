"""The frozen networks that encode samples: an autoencoder for clips and a text encoder for instructions."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vera.data.sample import LayerData
from vera.errors import VeraError
from vera.models.fingerprint import fingerprint
from vera.models.networks import open_network
from vera.models.pixels import to_network
from vera.training.batches import Batch, LatentBatch
from vera.training.latents import LAYERS, Latents
from vera.training.recipe import FlowObjective
from vera.training.text import TextStates

# What a cache records of its encoders, and how a difference is told.
_OTHERS = {
    "autoencoder": "another autoencoder",
    "text_encoder": "another text encoder",
    "max_sequence_length": "another max_sequence_length",
}


class FrozenEncoders:
    """`vae`, float32, and `text`, loaded when it is first needed; `mean` and `std` normalise latents [C,1,1,1]."""

    def __init__(self, objective: FlowObjective, device: torch.device) -> None:
        self.device = device
        self.vae = load_autoencoder(objective.autoencoder).to(device)
        self.text = TextStates(objective.text_encoder, objective.max_sequence_length, device)
        self.mean, self.std = (
            torch.tensor(values, device=device)[:, None, None, None]
            for values in (self.vae.config.latents_mean, self.vae.config.latents_std)
        )

    @torch.no_grad()
    def encode(self, batch: Batch | LatentBatch, branches: Sequence[str]) -> Latents:
        """Encode a batch, in float32 even under autocast: the goal of training should not be rounded."""
        if isinstance(batch, LatentBatch):
            layers = batch.layers.float()  # first: autocast on CPUs cannot stack halves
            layers = torch.stack([layers[:, LAYERS.index(branch)] for branch in branches], dim=1)
            text = nn.functional.pad(batch.text, (0, 0, 0, self.text.max_sequence_length - batch.text.shape[1]))
            return Latents(layers, batch.source.float(), batch.mask.float(), text.float())
        *kept, source, mask = (self.encode_video(getattr(batch, name)) for name in (*branches, "source", "mask"))
        mask = torch.where(batch.has_mask.reshape(-1, 1, 1, 1, 1), mask, 0.0)
        return Latents(torch.stack(kept, dim=1), source, mask, self.text(batch.instructions))

    @torch.no_grad()
    def encode_video(self, video: Tensor) -> Tensor:
        """Encode uint8 video [B,T,H,W,3] or [B,T,H,W] to normalised latents [B,C,T',h,w] float32.

        One kind of clip at a time: encoding all of a batch together would take the most memory.
        VeraError for clips that are not whole latents.
        """
        check_size(self.vae, video)
        with torch.autocast(self.device.type, enabled=False):
            latents: Tensor = (self.vae.encode(to_network(video)).latent_dist.mode() - self.mean) / self.std
        return latents

    def describe(self) -> dict[str, Any]:
        """Say which encoders these are: the autoencoder by config and weights, the text encoder by its config."""
        return {
            "autoencoder": fingerprint(self.vae),
            "text_encoder": self.text.identity(),
            "max_sequence_length": self.text.max_sequence_length,
        }

    def identity(self) -> dict[str, Any]:
        """Tell these networks from all others, as far as their files are there: with a cache, no text encoder's are."""
        found = self.describe()
        del found["max_sequence_length"]  # the same states, with more or fewer zeros behind
        if weights := self.text.weights_identity():
            found["text_encoder_weights"] = weights
        return found

    def use_caches(self, data: LayerData) -> None:
        """Take the states of the empty instruction from each cache in `data`, so that no text encoder is needed.

        VeraError for a cache that other encoders have made.
        """
        ours: Mapping[str, Any] = {}
        for cache in caches(data):
            ours = ours or self.describe()
            for name, words in _OTHERS.items():
                if cache.encoders.get(name) != ours[name]:
                    raise VeraError(
                        f"data: {cache.reader.folder.parent} was encoded with {words} "
                        f"({_short(cache.encoders.get(name))}, the recipe's is {_short(ours[name])}); "
                        f"correct objective.{name} or run `vera data cache` anew"
                    )
            self.text.put("", cache.empty_text)


def check_size(vae: Any, video: Tensor) -> None:
    """VeraError unless clips [B,T,H,W,...] are whole latents of an autoencoder: it would leave out the rest."""
    frames, *sides = video.shape[1:4]
    long, wide = vae.config.scale_factor_temporal, vae.config.scale_factor_spatial
    if (frames - 1) % long or any(side % wide for side in sides):
        raise VeraError(
            f"data: clips of {frames} frames of {sides[1]}x{sides[0]} are no whole latents of the autoencoder; "
            f"take sides that are multiples of {wide}, and 1 + {long}k frames"
        )


def caches(data: Any) -> list[Any]:
    """List the caches that data is, or that a mixture is made of."""
    parts = getattr(data, "parts", None)
    if parts is not None:
        return [cache for part in parts for cache in caches(part)]
    return [data] if hasattr(data, "encoders") else []


def _short(value: Any) -> str:
    return str(value)[:24]


def load_autoencoder(folder: str) -> Any:
    """Load the frozen float32 autoencoder in `folder`; VeraError if there is none."""
    try:
        return open_network(folder, "vae")
    except VeraError as error:
        raise VeraError(
            f"objective: no autoencoder in {folder}; train one first or correct the path ({error})"
        ) from None

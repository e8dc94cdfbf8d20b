"""The networks that some metrics need: named by the user, loaded when the first case is measured."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from vera.errors import VeraError

if TYPE_CHECKING:
    from vera.metrics.learned.lpips import Lpips
    from vera.metrics.learned.overall_consistency import Consistency
    from vera.metrics.learned.semantic_consistency import SemanticConsistency


@dataclass(frozen=True)
class Networks:
    """Folders, or models of the hub, that hold the weights of learned metrics; None: these metrics are not available.

    `clip` also gives the words of `videoclip`, which is VideoCLIP-XL.
    """

    lpips: str | None = None
    dino: str | None = None
    clip: str | None = None
    videoclip: str | None = None

    @property
    def perceptual(self) -> "Lpips":
        """LPIPS. VeraError if it is not named or cannot be loaded."""
        return _load_lpips(_named(lpips=self.lpips))

    @property
    def consistency(self) -> "Consistency":
        """OC. VeraError likewise."""
        return _load_consistency(_named(dino=self.dino), _named(clip=self.clip))

    @property
    def semantic(self) -> "SemanticConsistency":
        """OSC. VeraError likewise."""
        return _load_semantic(_named(videoclip=self.videoclip), _named(clip=self.clip))


def _named(**weights: str | None) -> str:
    ((option, name),) = weights.items()
    if name is None:
        raise VeraError(f"no weights were named: give their folder or model of the hub with --{option}")
    return name


@lru_cache(maxsize=1)
def _load_lpips(weights: str) -> "Lpips":
    from vera.metrics.learned.lpips import load_lpips

    return load_lpips(weights)


@lru_cache(maxsize=1)
def _load_consistency(dino: str, clip: str) -> "Consistency":
    from vera.metrics.learned.overall_consistency import load_overall_consistency

    return load_overall_consistency(dino, clip)


@lru_cache(maxsize=1)
def _load_semantic(videoclip: str, tokenizer: str) -> "SemanticConsistency":
    from vera.metrics.learned.semantic_consistency import load_semantic_consistency

    return load_semantic_consistency(videoclip, tokenizer)

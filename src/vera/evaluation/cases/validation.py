"""Validation cases, to choose settings by; none of them is a held-out case."""

from collections.abc import Sequence

from vera.data.synthesis.cases import EvaluationCase, draw_cases
from vera.data.synthesis.vocabulary import SPRITES

START = 1 << 39  # far beyond what any training run draws


def validation_cases(
    count: int, sprites: Sequence[str] = SPRITES, frames: int = 17, width: int = 256, height: int = 144
) -> list[EvaluationCase]:
    """`count` cases of `SyntheticLayers(sprites)`, the tasks in turn: the trained wordings and combinations, but
    samples that no training reaches. A function of its arguments that reads no assets.
    """
    return draw_cases(count, sprites, (frames, width, height), held_out=False, start=START)

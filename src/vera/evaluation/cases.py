"""Cases to choose settings by, which are none of those that a model is judged by."""

from collections.abc import Sequence

from vera.data.sample import Task
from vera.data.synthesis.cases import SEED, EvaluationCase, sample_rng
from vera.data.synthesis.plan import draw_plan
from vera.data.synthesis.vocabulary import SPRITES

START = 1 << 39  # far beyond what any training run draws


def validation_cases(
    count: int, sprites: Sequence[str] = SPRITES, frames: int = 17, width: int = 256, height: int = 144
) -> list[EvaluationCase]:
    """`count` cases of `SyntheticLayers(sprites)`, the tasks in turn: the trained wordings and combinations, but
    samples that no training reaches. A function of its arguments that reads no assets.
    """
    waiting: dict[Task, list[EvaluationCase]] = {"obj_add": [], "background_replace": []}
    number = START
    while min(len(cases) for cases in waiting.values()) <= count // 2:
        plan = draw_plan(sample_rng(SEED, False, number), sprites, frames)
        words = {name: value for name, value in vars(plan).items() if name != "thing"}
        waiting[plan.task].append(EvaluationCase(index=0, key=(number, frames, width, height), **words))
        number += 1
    turns = [case for pair in zip(*waiting.values(), strict=False) for case in pair]
    return [EvaluationCase(**{**vars(case), "index": index}) for index, case in enumerate(turns[:count])]

"""The fixed held-out cases that a model of the synthetic world is judged by."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count as count_from

import numpy as np

from vera.data.sample import Task
from vera.data.synthesis.plan import SamplePlan, draw_plan
from vera.data.synthesis.stages import Key
from vera.data.synthesis.vocabulary import SPRITES

SEED = 0


@dataclass(frozen=True, kw_only=True)
class EvaluationCase(SamplePlan):
    """A case of `SyntheticLayers(sprites, held_out=True)`: the words of a sample, and `load(key)` gives its truth.

    The instruction may call the noun by another word.
    """

    index: int
    key: Key


def evaluation_cases(
    count: int = 200, sprites: Sequence[str] = SPRITES, frames: int = 17, width: int = 256, height: int = 144
) -> list[EvaluationCase]:
    """`count` held-out cases, the tasks in turn; a function of its arguments that reads no assets.

    The keys are for a `SyntheticLayers` of the same `sprites` and of default shares and seed.
    """
    return draw_cases(count, sprites, (frames, width, height), held_out=True, start=0)


def draw_cases(
    count: int, sprites: Sequence[str], shape: tuple[int, int, int], held_out: bool, start: int
) -> list[EvaluationCase]:
    """`count` cases of samples `start` on, the tasks in turn; `shape` is frames, width and height."""
    waiting: dict[Task, list[EvaluationCase]] = {"obj_add": [], "background_replace": []}
    for index in count_from(start):
        plan = draw_plan(sample_rng(SEED, held_out, index), sprites, shape[0], held_out=held_out)
        waiting[plan.task].append(EvaluationCase(**vars(plan), index=0, key=(index, *shape, "scene")))
        if min(len(cases) for cases in waiting.values()) > count // 2:
            break
    pairs = zip(*waiting.values(), strict=False)
    cases = [case for pair in pairs for case in pair][:count]
    return [replace(case, index=i) for i, case in enumerate(cases)]


def sample_rng(seed: int, held_out: bool, index: int) -> np.random.Generator:
    """The generator that plans sample `index`."""
    return np.random.default_rng((seed, held_out, index, 1))

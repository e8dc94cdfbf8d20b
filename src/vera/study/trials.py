"""The trials of a rater: which pairs, on which side the reference, in which order; a function of the study's seed."""

import numpy as np

from vera.study.blocks import block
from vera.study.study import Item, Kind, Study, Trial

APART = 5  # trials, at least, between a pair and its repeat, where there are enough


def draw_trials(study: Study, slot: int) -> tuple[Trial, ...]:
    """Draw what the rater in place `slot`, from 0 on, meets.

    The reference is on the left in half of the pairs, of all and of each baseline; of an odd number in one more or one
    less, and of all pairs in one more for every second rater.
    """
    rng = np.random.default_rng([study.seed, slot])
    pairs = _sided(_pairs(study, slot, rng), slot)
    rng.shuffle(pairs)
    order = _with_repeats(pairs, _repeated(len(pairs), study.design.repeats, rng), rng)
    for catch in _catches(study, slot, rng):
        order.insert(int(rng.integers(len(order) + 1)), catch)
    place = {trial.item: number for number, trial in enumerate(order) if trial.kind == "pair"}
    return tuple(
        Trial(trial.item, trial.kind, trial.swapped, place[trial.item] if trial.kind == "repeat" else None)
        for trial in order
    )


def _pairs(study: Study, slot: int, rng: np.random.Generator) -> list[Item]:
    """A rater's items, by baseline and at random within it."""
    cell = {(item.case, item.baseline): item for item in study.items if item.baseline >= 0}
    cases = np.random.default_rng(study.seed).permutation(list(study.cases))
    chosen = block(slot, len(cases), study.baselines, study.design.trials)
    items = [cell[str(cases[case]), baseline] for case, baseline in chosen]
    rng.shuffle(items)
    return sorted(items, key=lambda item: item.baseline)


def _sided(items: list[Item], slot: int) -> list[Trial]:
    """Put the reference on the left in every second one."""
    return [_trial(item, "pair", (number + slot) % 2 == 0) for number, item in enumerate(items)]


def _trial(item: Item, kind: Kind, reference_left: bool) -> Trial:
    return Trial(item.id, kind, reference_left != (item.reference == "first"))


def _repeated(pairs: int, repeats: int, rng: np.random.Generator) -> list[int]:
    """Which pairs come again: of those early enough, if there are as many."""
    early = max(min(repeats, pairs), pairs - APART)
    return [int(number) for number in rng.choice(early, min(repeats, pairs), replace=False)]


def _with_repeats(pairs: list[Trial], repeated: list[int], rng: np.random.Generator) -> list[Trial]:
    order = list(pairs)
    for number in repeated:
        trial = pairs[number]
        first = min(order.index(trial) + 1 + APART, len(order))
        order.insert(int(rng.integers(first, len(order) + 1)), Trial(trial.item, "repeat", not trial.swapped))
    return order


def _catches(study: Study, slot: int, rng: np.random.Generator) -> list[Trial]:
    """The study's catches in random order, the undamaged result on the left in every second one."""
    items = [item for item in study.items if item.baseline < 0]
    rng.shuffle(items)
    return [_trial(item, "catch", (number + slot) % 2 == 0) for number, item in enumerate(items)]

"""Blocks are balanced, whatever the numbers; sides are, within each rater, exactly."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from vera.errors import VeraError
from vera.study.blocks import block
from vera.study.study import Design, Item, Study, Texts
from vera.study.trials import APART, draw_trials

NUMBERS = st.tuples(st.integers(1, 40), st.integers(1, 7), st.integers(1, 40), st.integers(1, 60))


@given(NUMBERS)
def test_blocks_are_balanced_over_any_number_of_raters(numbers: tuple[int, int, int, int]) -> None:
    cases, baselines, trials, raters = numbers
    trials = min(trials, cases)
    blocks = [block(slot, cases, baselines, trials) for slot in range(raters)]
    pairs = Counter(pair for one in blocks for pair in one)
    met = [pairs[case, baseline] for case in range(cases) for baseline in range(baselines)]
    assert max(met) - min(met) <= 1
    of_case = Counter(case for one in blocks for case, _ in one)
    assert max(of_case.values()) - min(of_case[case] for case in range(cases)) <= 1
    for one in blocks:
        assert len({case for case, _ in one}) == trials
        counts = Counter(baseline for _, baseline in one)
        assert max(counts.values()) - min(counts[baseline] for baseline in range(baselines)) <= 2


def test_more_trials_than_cases_are_refused() -> None:
    with pytest.raises(VeraError, match="9 trials a rater, but 8 cases"):
        block(0, 8, 2, 9)


def a_study(cases: int = 60, baselines: int = 5, seed: int = 1, **design: int) -> Study:
    """A study of items without videos, the reference above in every second one."""
    items = [
        Item(f"i{c}-{b}", f"c{c}", "", "", b, ("first", "second")[(c + b) % 2], (64, 48), 8, 64, 5, 0.5, "")  # type: ignore[arg-type]
        for c in range(cases)
        for b in range(baselines)
    ]
    catches = design.get("catches", 3)
    items += [Item(f"k{n}", f"k{n}", "", "", -1, "first", (64, 48), 8, 64, 5, 0.5, "") for n in range(catches)]
    names = tuple(f"c{case}" for case in range(cases))
    return Study("s", seed, Design(**design), Texts(), names, baselines, tuple(items))  # type: ignore[arg-type]


@given(st.integers(0, 500), st.integers(0, 1 << 32), st.integers(5, 33))
def test_sides_are_balanced_within_each_rater(slot: int, seed: int, trials: int) -> None:
    study = a_study(seed=seed, trials=trials, repeats=min(3, trials))
    drawn = draw_trials(study, slot)
    items = {item.id: item for item in study.items}
    left = Counter[tuple[str, int]]()
    total = Counter[tuple[str, int]]()
    for trial in drawn:
        place = (trial.kind, items[trial.item].baseline)
        total[place] += 1
        left[place] += trial.chose_reference("left", items[trial.item])
    pairs = sum(count for (kind, _), count in left.items() if kind == "pair")
    assert pairs == (trials if trials % 2 == 0 else trials + (1 if slot % 2 == 0 else -1)) // 2
    assert all(abs(2 * left[place] - total[place]) <= 1 for place in total if place[0] != "repeat")
    assert Counter(trial.kind for trial in drawn) == {"pair": trials, "catch": 3, "repeat": study.design.repeats}


@given(st.integers(0, 200), st.integers(0, 1 << 32))
def test_repeats_come_later_with_sides_swapped(slot: int, seed: int) -> None:
    drawn = draw_trials(a_study(seed=seed), slot)
    for number, trial in enumerate(drawn):
        if trial.kind == "repeat":
            assert trial.repeats is not None
            first = drawn[trial.repeats]
            assert (first.item, first.swapped, first.kind) == (trial.item, not trial.swapped, "pair")
            assert number - trial.repeats > APART
        else:
            assert trial.repeats is None
    assert drawn == draw_trials(a_study(seed=seed), slot)


def test_raters_meet_other_orders() -> None:
    study = a_study()
    assert len({tuple(trial.item for trial in draw_trials(study, slot)) for slot in range(20)}) == 20
    other = replace(study, seed=study.seed + 1)
    assert draw_trials(study, 0) != draw_trials(other, 0)

"""Validation cases: a fixed list, both tasks, and nothing that is held out."""

from tests.data.synthetic_assets import SPRITES

from vera.data.synthesis import SyntheticLayers
from vera.data.synthesis.cases import evaluation_cases
from vera.data.synthesis.held_out import is_combination_held_out
from vera.evaluation.cases.validation import START, validation_cases


def test_a_longer_list_begins_with_the_shorter_one() -> None:
    cases = validation_cases(12)
    assert cases[:5] == validation_cases(5)
    assert [case.index for case in cases] == list(range(12))
    assert [case.task for case in cases] == ["obj_add", "background_replace"] * 6


def test_nothing_held_out_and_nothing_trained_on() -> None:
    cases = validation_cases(40)
    assert all(case.key[0] >= START for case in cases)
    for case in cases[::2]:
        assert not is_combination_held_out(case.noun, case.place, case.size)
    held_out = evaluation_cases(200)
    assert not {case.instruction for case in cases} & {case.instruction for case in held_out}


def test_the_key_gives_the_case(assets: str) -> None:
    layers = SyntheticLayers(list(SPRITES), assets=assets)
    for case in validation_cases(4, tuple(SPRITES), 5, 64, 48):
        sample = layers.load(case.key)
        assert (sample.instruction, sample.task) == (case.instruction, case.task)
        assert sample.source.shape == (5, 48, 64, 3)
        assert (sample.mask is not None) == case.masked

"""The English of the synthetic instructions."""

import numpy as np
import pytest

from vera.data.synthesis.instructions import describe_addition, describe_replacement
from vera.data.synthesis.vocabulary import plural


def test_additions_name_what_they_ask_for() -> None:
    texts = {
        describe_addition("octopus", "left", "large", "bounce", "blue", "right", np.random.default_rng(seed))
        for seed in range(60)
    }
    assert len(texts) > 40
    assert all("blue octopus" in text and "left" in text.lower() and "right" in text for text in texts)


@pytest.mark.parametrize("unseen", [False, True])
def test_sentences_begin_with_a_capital_and_have_the_right_article(unseen: bool) -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        text = describe_addition("octopus", "center", "small", "still", "orange", "plain", rng, unseen)
        assert text[0].isupper() and "{" not in text and "  " not in text
        assert " a orange" not in text and " an small" not in text
        assert any(f"a {size} orange octopus" in text.lower() for size in ("small", "little", "tiny"))


def test_replacements_name_the_scene_and_the_subject_to_keep() -> None:
    texts = {describe_replacement("whale", "a pine forest", np.random.default_rng(seed)) for seed in range(60)}
    assert len(texts) > 12
    assert all("a pine forest" in text for text in texts)
    assert any("whale" in text for text in texts)


def test_several_are_named_in_the_plural() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        text = describe_addition("octopus", "right", "large", "left", None, "plain", rng, seed % 2 == 0, number=3)
        assert any(f"three {size} octopuses" in text.lower() for size in ("large", "big", "huge"))
        assert "There is" not in text and "moves" not in text and " a " not in text.replace(" a part", "")


@pytest.mark.parametrize(
    ("noun", "several"),
    [
        ("balloon", "balloons"),
        ("butterfly", "butterflies"),
        ("toy", "toys"),
        ("fox", "foxes"),
        ("snowman", "snowmen"),
        ("slice of pizza", "slices of pizza"),
        ("tropical fish", "tropical fish"),
        ("statue of a deer", "statues of a deer"),
    ],
)
def test_plurals(noun: str, several: str) -> None:
    assert plural(noun) == several

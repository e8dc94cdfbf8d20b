"""The English of the synthetic instructions."""

import numpy as np
import pytest

from vera.data.synthesis.instructions import describe_addition, describe_replacement


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

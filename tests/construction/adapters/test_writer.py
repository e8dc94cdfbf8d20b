"""Words of a model: asked once, checked, complained of, and what spoils all questions ends the build."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.chat_endpoint import answer, chat_endpoint, error
from tests.construction.crossing import write_footage

from vera.construction.adapters.vlm import VlmNetwork, ask_model
from vera.construction.adapters.writer import Addition, Replacement, words_question
from vera.construction.engine.stage import BuildStopError
from vera.vlm import Outcome

ADDED = {
    "before": "An empty street of cobbles in low sun.",
    "after": "A red ball rolls over the cobbles in low sun.",
    "instruction": "Add a red ball that rolls from left to right over the cobbles, lit from the left.",
}
REPLACED = {
    "before": "A red ball before a wall of bricks.",
    "after": "A red ball on a beach, the background soft.",
    "instruction": "Change the background to a beach in haze. Medium shot, still camera. Keep the red ball intact.",
}


def ask(url: str, root: Path, form: Any = Addition, **more: Any) -> Outcome[Any]:
    before, after = write_footage(root / "clips", 1, 2)
    network = VlmNetwork(url, "writer", "Apache-2.0", **more)
    return ask_model(network, root / "cache", words_question(network, before, after, "ball", form))


@pytest.mark.parametrize(("form", "good"), [(Addition, ADDED), (Replacement, REPLACED)])
def test_words_of_both_clips_are_asked_once(tmp_path: Path, form: Any, good: dict[str, str]) -> None:
    with chat_endpoint(lambda body: answer(good), models=("writer",)) as endpoint:
        for _ in range(2):
            found = ask(endpoint.url, tmp_path, form, frames=5)
            assert found.answer is not None and found.answer.instruction == good["instruction"]
        (asked,) = endpoint.asked
    parts = asked["messages"][1]["content"]
    assert [part["type"] for part in parts] == ["text", "text", *["image_url"] * 5, "text", *["image_url"] * 5]
    assert "ball" in parts[0]["text"]
    assert len({part["image_url"]["url"] for part in parts if "image_url" in part}) == 10


@pytest.mark.parametrize(
    ("form", "bad", "told"),
    [
        (Addition, {**ADDED, "instruction": "Put a red ball there, rolling."}, 'does not begin with \\"Add \\"'),
        (Addition, {**ADDED, "after": "A red ball with a shallow Depth of Field."}, "never say"),
        (Addition, {**ADDED, "before": ""}, "length"),
        (Addition, {**ADDED, "mood": "calm"}, "unknown field"),
        (Replacement, {**REPLACED, "instruction": "Change the background to a beach."}, "does not end with"),
        (Replacement, {**REPLACED, "instruction": "A beach. Keep the ball intact."}, "does not begin with"),
        (
            Replacement,
            {**REPLACED, "instruction": "Change the background to a beach. Keep the ball. It stays intact."},
            "does not end with",
        ),
    ],
)
def test_a_model_is_told_what_is_wrong(tmp_path: Path, form: Any, bad: dict[str, str], told: str) -> None:
    good = ADDED if form is Addition else REPLACED
    replies = [answer(bad), answer(good)]
    with chat_endpoint(lambda body: replies.pop(0), models=("writer",)) as endpoint:
        found = ask(endpoint.url, tmp_path, form)
        assert found.answer is not None and found.answer.instruction == good["instruction"]
        assert told in json.dumps(endpoint.asked[1]["messages"][-1])
        assert len(endpoint.asked) == 2


def test_what_is_never_right_and_what_is_refused(tmp_path: Path) -> None:
    with chat_endpoint(lambda body: answer({"nothing": 1}), models=("writer",)) as endpoint:
        assert ask(endpoint.url, tmp_path).problem == "malformed"
        assert len(endpoint.asked) == 3
    with chat_endpoint(lambda body: error(400, code="content_filter"), models=("writer",)) as endpoint:
        assert ask(endpoint.url, tmp_path, frames=2).problem == "refused"


def test_no_endpoint_and_no_key_end_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(BuildStopError, match="NO_SUCH_KEY"):
        ask("http://127.0.0.1:9/v1", tmp_path, key_variable="NO_SUCH_KEY")
    with chat_endpoint(lambda body: error(401), models=("writer",)) as endpoint, pytest.raises(BuildStopError):
        ask(endpoint.url, tmp_path)

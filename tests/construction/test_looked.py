"""What a model looks at before people do: refused by what it tells, and asked live or by batches like any question."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.chat_endpoint import Said, answer, chat_endpoint
from tests.construction.test_networks import setup

from vera.construction.batches import read_replies, write_requests
from vera.construction.construct import build_samples
from vera.construction.engine.record import Layout, read_record
from vera.errors import VeraError

CLEAN = {
    "shows": "A ball crosses a wall.",
    "text": False,
    "synthetic": True,
    "slideshow": False,
    "framed": False,
    "filtered": False,
    "unsafe": False,
}
GONE = {"shows": "The wall where the ball was.", "fault": "none"}


def section(name: str, url: str, *more: str) -> str:
    network = f"{{url: '{url}', name: looker, licence: Apache-2.0, frames: 2, batch: {'true' if not url else 'false'}}}"
    return f"{name}: {{{', '.join([f'network: {network}', *more])}}}".replace("url: ''", "url: 'http://127.0.0.1:9/v1'")


def says(body: dict[str, Any]) -> Said:
    """Of one clip, or of a clip and its removal."""
    return answer(GONE if "taken out" in body["messages"][1]["content"][0]["text"] else CLEAN)


def test_what_a_model_lets_pass_goes_on_as_without_it(tmp_path: Path) -> None:
    with chat_endpoint(says, models=("looker",)) as endpoint:
        recipe = setup(tmp_path, "", section("triage", endpoint.url), section("inspect", endpoint.url))
        assert build_samples(recipe, tmp_path / "out").samples == 1
        assert len(endpoint.asked) == 2
        shown = [sum("image_url" in part for part in body["messages"][1]["content"]) for body in endpoint.asked]
        assert shown == [2, 4]
    (path,) = Layout(tmp_path / "out").records("clip")
    record = read_record(path)
    assert record is not None
    assert record.stages["triage"].facts == CLEAN and record.stages["o1/inspect"].facts == GONE
    (rows,) = (tmp_path / "out" / "dataset").rglob("realistic-set1-obj-add.jsonl")
    assert json.loads(rows.read_text("utf-8"))["provenance"]["licences"] == ["Apache-2.0", "OWN"]


@pytest.mark.parametrize("found", ["text", "slideshow", "framed", "filtered", "unsafe"])
def test_what_is_not_wanted_is_refused_before_people_see_it(tmp_path: Path, found: str) -> None:
    with chat_endpoint(lambda body: answer({**CLEAN, found: True}), models=("looker",)) as endpoint:
        recipe = setup(tmp_path, "", section("triage", endpoint.url))
        assert build_samples(recipe, tmp_path / "out").rejected == {f"triage: {found}": 1}


def test_a_recipe_says_what_is_not_wanted_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    with chat_endpoint(lambda body: answer({**CLEAN, "text": True}), models=("looker",)) as endpoint:
        recipe = setup(tmp_path, "", section("triage", endpoint.url, "refuse: [synthetic]"))
        assert build_samples(recipe, tmp_path / "out").rejected == {"triage: synthetic": 1}
        recipe.write_text(recipe.read_text("utf-8").replace("[synthetic]", "[unsafe, framed]"), "utf-8")
        assert build_samples(recipe, tmp_path / "out").samples == 1
        assert len(endpoint.asked) == 1


@pytest.mark.parametrize("fault", ["ghost", "shadow left", "blur", "flicker"])
def test_a_removal_with_a_fault_is_refused(tmp_path: Path, fault: str) -> None:
    with chat_endpoint(lambda body: answer({**GONE, "fault": fault}), models=("looker",)) as endpoint:
        recipe = setup(tmp_path, "", section("inspect", endpoint.url))
        report = build_samples(recipe, tmp_path / "out")
        assert (report.rejected, report.waiting) == ({f"inspect: {fault}": 1}, {})


def test_a_model_that_will_not_look_is_a_reason(tmp_path: Path) -> None:
    refusal = Said(200, {"choices": [{"message": {"refusal": "I cannot"}}]})
    with chat_endpoint(lambda body: refusal, models=("looker",)) as endpoint:
        recipe = setup(tmp_path, "", section("triage", endpoint.url))
        assert build_samples(recipe, tmp_path / "out").rejected == {"triage: answer refused": 1}


def test_clips_and_removals_are_looked_at_by_batches(tmp_path: Path) -> None:
    out = tmp_path / "out"
    recipe = setup(tmp_path, "", section("triage", ""), section("inspect", ""))
    for stage, told in (("triage", CLEAN), ("inspect", GONE)):
        report = build_samples(recipe, out)
        assert (report.deferred, report.samples, report.waiting) == ({stage: 1}, 0, {})
        (path,) = write_requests(out, tmp_path / stage)
        assert path.parent.name == stage
        request = json.loads(path.read_text("utf-8"))
        row = {"custom_id": request["custom_id"], "response": {"status_code": 200, "body": answer(told).body}}
        (tmp_path / "results.jsonl").write_text(json.dumps(row), "utf-8")
        read_replies(out, tmp_path / "results.jsonl")
    assert build_samples(recipe, out).samples == 1


def test_sections_that_cannot_be_are_refused(tmp_path: Path) -> None:
    for line, told in (
        ("triage: {}", "network"),
        (section("triage", "http://127.0.0.1:9/v1", "refuse: []"), "refuse"),
        (section("triage", "http://127.0.0.1:9/v1", "refuse: [rain]"), "rain"),
    ):
        with pytest.raises(VeraError, match=told):
            build_samples(setup(tmp_path, "", line), tmp_path / "out")

"""From a build that waits to its samples: what people decide at the desk is what the build goes on with."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.annotation.made_build import click_ball, desk_of, make_build, say

from vera.annotation.clips import JUDGED
from vera.annotation.server.app import annotation_app
from vera.annotation.server.showing import show_work
from vera.annotation.store.leases import find_lease
from vera.annotation.store.store import GATES, Gate
from vera.construction.construct import build_samples
from vera.construction.decisions import held_decisions, import_decisions, read_decisions
from vera.construction.engine.stage import Done, Item, Rejected
from vera.construction.stages.background import Curate
from vera.construction.stages.footage import Proxy
from vera.construction.stages.looked import Inspect
from vera.construction.stages.objects import Propose
from vera.construction.stages.proofread import BackgroundProofread, Proofread
from vera.construction.stages.removal import Filter, Layers, Remove
from vera.errors import VeraError
from vera.service.access import Access
from vera.service.errors import ConflictError, MissingError


def test_a_build_goes_on_with_what_was_decided(tmp_path: Path) -> None:
    recipe, out = make_build(tmp_path, 1, 2)
    desk = desk_of(out)
    for person in ("anna", "ben"):
        lease = desk.claim(person, "annotate", "work")
        assert lease is not None
        if person == "anna":
            click_ball(desk, lease.id)
            say(desk, lease, {"accept": True})
        else:
            say(desk, lease, {"accept": False, "reason": "out of focus"})
    assert desk.claim("carl", "annotate", "work") is None
    desk.close()
    report = build_samples(recipe, out)
    assert report.waiting == {"filter": 1} and report.rejected == {"annotate: unusable": 1}
    desk = desk_of(out)
    lease = desk.claim("ben", "filter", "work")
    assert lease is not None and lease.object == "o1"
    with pytest.raises(VeraError, match="say why"):
        say(desk, lease, {"accept": False})
    say(desk, lease, {"accept": True})
    desk.close()
    assert build_samples(recipe, out).samples == 1
    row = json.loads(next((out / "dataset").rglob("*.jsonl")).read_text(encoding="utf-8"))
    assert (row["provenance"]["annotated_by"], row["provenance"]["reviewed_by"]) == ("anna", "ben")
    assert len(read_decisions(held_decisions(out / "decisions"))) == 3


@pytest.mark.faults
@pytest.mark.parametrize("answered", [False, True])
def test_a_clip_that_is_gone_keeps_nobody_from_the_others(tmp_path: Path, answered: bool) -> None:
    _, out = make_build(tmp_path, 1, 2)
    desk = desk_of(out)
    held = desk.claim("anna", "annotate", "work")
    assert held is not None
    if answered:
        say(desk, held, {"accept": False, "reason": "other"})
    shutil.rmtree(out / "clips" / held.clip[:2] / held.clip)
    person = "ben" if answered else "anna"  # who holds the clip that is gone
    for _ in range(2):
        other = desk.claim(person, "annotate", "work")
        assert other is not None and other.clip != held.clip
    assert desk.claim("carl", "annotate", "work") is None
    desk.close()
    desk = desk_of(out)
    assert desk.claim(person, "annotate", "work") is not None
    desk.close()


def test_words_are_proofread_where_the_recipe_says_so(tmp_path: Path) -> None:
    recipe, out = make_build(tmp_path, 1, lines=("proofread: true",))
    for gate, said in (
        ("annotate", {"accept": True}),
        ("filter", {"accept": True}),
        ("proofread", {"accept": True, "instruction": "Add a ball that rolls to the right."}),
    ):
        desk = desk_of(out)
        lease = desk.claim("anna", gate, "work")  # type: ignore[arg-type]
        assert lease is not None
        if gate == "annotate":
            click_ball(desk, lease.id)
        if gate == "proofread":
            with pytest.raises(VeraError, match='does not begin with "Add "'):
                say(desk, lease, {"accept": True, "instruction": "There is a ball."})
            with pytest.raises(VeraError, match="depth of field"):
                say(desk, lease, {**said, "before": "A wall with a shallow depth of field."})
        say(desk, lease, said)
        desk.close()
        report = build_samples(recipe, out)
    assert report.samples == 1
    row = json.loads(next((out / "dataset").rglob("*.jsonl")).read_text(encoding="utf-8"))
    assert row["edit_instruction"] == "Add a ball that rolls to the right."
    assert (row["provenance"]["instruction_by"], row["provenance"]["proofread_by"]) == ("anna", "anna")


def answer(out: Path, gate: Gate, said: dict[str, Any], proposal: bool = False) -> str:
    """What a page does: it is shown the first task of a gate, and sends what it was shown back with the answer."""
    desk = desk_of(out)
    lease = desk.claim("anna", gate, "work")
    assert lease is not None
    if gate == "annotate" and proposal:
        desk.save(lease.id, 0, {"kind": "proposal", "object": 1, "proposal": 0})
        desk.save(lease.id, 1, {"kind": "noun", "noun": "ball"})
    elif gate == "annotate":
        click_ball(desk, lease.id)
    say(desk, lease, said)
    desk.close()
    return lease.id


@pytest.mark.parametrize("gate", ["annotate", "filter"])
def test_a_verdict_is_of_what_was_shown(tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made anew otherwise is judged anew; what is made of it later does not matter."""
    recipe, out = make_build(tmp_path, 1)
    first = {"annotate": answer(out, "annotate", {"accept": True})}
    build_samples(recipe, out)
    first["filter"] = answer(out, "filter", {"accept": True})
    assert build_samples(recipe, out).samples == 1
    monkeypatch.setattr(Layers, "version", 1000)
    assert build_samples(recipe, out).samples == 1

    monkeypatch.setattr(Proxy if gate == "annotate" else Remove, "version", 1000)
    report = build_samples(recipe, out)
    assert (report.waiting, report.samples) == ({gate: 1}, 0)
    again = answer(out, gate, {"accept": False, "reason": "other"})
    assert again != first[gate]
    assert sum(build_samples(recipe, out).rejected.values()) == 1
    desk = desk_of(out)
    assert desk.claim("anna", None, "work") is None
    desk.close()


@pytest.mark.faults
def test_nobody_judges_what_is_being_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that does not say of what it is would count for ever."""
    recipe, out = make_build(tmp_path, 1)
    answer(out, "annotate", {"accept": True})
    build_samples(recipe, out)
    desk = desk_of(out)
    lease = desk.claim("anna", "filter", "work")
    assert lease is not None
    with pytest.raises(VeraError, match="does not say what it is of"):
        desk.finish(lease, {"accept": True})
    shown = show_work(desk, lease).of
    next(out.rglob("plate.mkv")).unlink()
    run, told = Remove.run, list[str]()

    def look_and_run(self: Remove, item: Item) -> Done | Rejected:
        for act in (lambda: show_work(desk, lease), lambda: desk.finish(lease, {"accept": True, "of": shown})):
            with pytest.raises(MissingError) as error:
                act()
            told.append(str(error.value))
        assert desk.claim("anna", "filter", "work") is None
        return run(self, item)

    monkeypatch.setattr(Remove, "run", look_and_run)
    assert build_samples(recipe, out).waiting == {"filter": 1}
    assert len(told) == 2 and all("being made anew" in text for text in told)
    again = desk.claim("anna", "filter", "work")
    assert again is not None and again.id == lease.id
    say(desk, again, {"accept": True})
    desk.close()
    assert build_samples(recipe, out).samples == 1


def test_a_choice_without_the_engine_s_proposals_outlives_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, out = make_build(tmp_path, 1)
    answer(out, "annotate", {"accept": True})
    monkeypatch.setattr(Propose, "version", 1000)
    assert build_samples(recipe, out).waiting == {"filter": 1}


def test_a_choice_of_a_proposal_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, out = make_build(tmp_path, 1)
    answer(out, "annotate", {"accept": True}, proposal=True)
    assert build_samples(recipe, out).waiting == {"filter": 1}
    monkeypatch.setattr(Propose, "version", 1000)
    assert build_samples(recipe, out).waiting == {"annotate": 1}


def test_a_verdict_is_of_the_object_that_was_shown(tmp_path: Path) -> None:
    """Of a clip whose objects are chosen anew, o1 may be another one."""
    recipe, out = make_build(tmp_path, 1)
    answer(out, "annotate", {"accept": True})
    build_samples(recipe, out)
    answer(out, "filter", {"accept": True})
    assert build_samples(recipe, out).samples == 1
    clip = next(iter(read_decisions(held_decisions(out / "decisions"))))[0]
    other = {"noun": "shadow", "prompts": [{"frame": 8, "box": [2, 2, 40, 40]}]}
    line = {"clip": clip, "gate": "annotate", "by": "ben", "objects": [other]}
    (tmp_path / "log.jsonl").write_text(json.dumps(line), encoding="utf-8")
    import_decisions(tmp_path / "log.jsonl", out / "decisions")
    report = build_samples(recipe, out)
    assert report.samples == 0 and not report.rejected.get("filter: filtered")


@pytest.mark.faults
def test_an_answer_stays_where_it_cannot_be_taken_back(tmp_path: Path) -> None:
    _, out = make_build(tmp_path, 1)
    desk = desk_of(out)
    lease = desk.claim("anna", "annotate", "work")
    assert lease is not None
    done = say(desk, lease, {"accept": False, "reason": "other"})
    shutil.rmtree(out / "clips" / lease.clip[:2] / lease.clip)
    with pytest.raises(MissingError, match="gone"):
        desk.reopen("anna", "annotate")
    assert find_lease(desk.store, lease.id) == done
    desk.close()


@pytest.mark.faults
def test_a_line_that_does_not_count_hides_none_that_does(tmp_path: Path) -> None:
    """Neither an older log that is imported, nor what was said of another recipe's removal."""
    recipe, out = make_build(tmp_path, 1)
    answer(out, "annotate", {"accept": True})
    build_samples(recipe, out)
    answer(out, "filter", {"accept": True})
    clip = next(iter(read_decisions(held_decisions(out / "decisions"))))[0]
    line = {"clip": clip, "object": "o1", "gate": "filter", "by": "ben", "accept": True, "of": {"remove": "0" * 32}}
    (tmp_path / "log.jsonl").write_text(json.dumps(line), encoding="utf-8")
    import_decisions(tmp_path / "log.jsonl", out / "decisions")
    assert build_samples(recipe, out).samples == 1

    before = recipe.read_text()
    recipe.write_text(before + "remove: {unseen: 0.9}\n")
    assert build_samples(recipe, out).waiting == {"filter": 1}
    answer(out, "filter", {"accept": False, "reason": "ghost"})
    assert build_samples(recipe, out).rejected == {"filter: filtered": 1}
    recipe.write_text(before)
    assert build_samples(recipe, out).samples == 1


@pytest.mark.faults
def test_what_the_log_does_not_hold_is_asked_for_again(tmp_path: Path) -> None:
    recipe, out = make_build(tmp_path, 1)
    first = answer(out, "annotate", {"accept": False, "reason": "other"})
    desk = desk_of(out)
    assert desk.claim("anna", None, "work") is None  # the build only has not run yet
    desk.close()
    for log in held_decisions(out / "decisions"):
        log.unlink()
    assert build_samples(recipe, out).waiting == {"annotate": 1}
    assert answer(out, "annotate", {"accept": False, "reason": "other"}) != first
    assert build_samples(recipe, out).rejected == {"annotate: unusable": 1}


@pytest.mark.faults
@pytest.mark.parametrize("second", [{"accept": True}, {"accept": False, "reason": "ghost"}])
def test_two_answers_are_of_the_same_thing(
    tmp_path: Path, second: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = make_build(tmp_path, 1)
    answer(out, "annotate", {"accept": True})
    build_samples(recipe, out)
    desk = desk_of(out, overlap=1.0)
    first = desk.claim("anna", "filter", "work")
    assert first is not None
    say(desk, first, {"accept": True})
    monkeypatch.setattr(Remove, "version", 1000)
    assert build_samples(recipe, out).waiting == {"filter": 1}
    other = desk.claim("ben", "filter", "work")
    assert other is not None
    say(desk, other, second)
    desk.settle()
    assert desk.claim("carl", None, "adjudicate") is None
    again = desk.claim("anna", "filter", "work")
    assert again is not None and again.id == first.id
    say(desk, again, second)
    desk.settle()
    desk.close()
    report = build_samples(recipe, out)
    assert (report.samples, sum(report.rejected.values())) == ((1, 0) if second["accept"] else (0, 1))


@pytest.mark.faults
def test_nobody_decides_between_answers_of_what_was_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, out = make_build(tmp_path, 1)
    answer(out, "annotate", {"accept": True})
    build_samples(recipe, out)
    desk = desk_of(out, overlap=1.0)
    for person, said in (("anna", {"accept": True}), ("ben", {"accept": False, "reason": "ghost"})):
        lease = desk.claim(person, "filter", "work")
        assert lease is not None
        say(desk, lease, said)
    desk.settle()
    held = desk.claim("carl", "filter", "adjudicate")
    assert held is not None
    access = Access()
    bearer = {"authorization": f"Bearer {access.token}"}
    client = TestClient(annotation_app(desk, access), "http://127.0.0.1", headers=bearer)
    path = f"/api/leases/{held.id}"
    assert len(client.get(f"{path}/pair").json()["answers"]) == 2
    monkeypatch.setattr(Remove, "version", 1000)
    assert build_samples(recipe, out).waiting == {"filter": 1}
    refused = client.post(f"{path}/adopted", json={"which": 0})
    assert refused.status_code == 409 and "made anew" in refused.json()["detail"]
    assert client.get(f"{path}/pair").status_code == 409
    assert desk.claim("carl", "filter", "adjudicate") is None
    assert desk.claim("anna", "filter", "work") is not None and desk.claim("ben", "filter", "work") is not None
    desk.close()


def test_an_answer_taken_back_is_not_one_that_was_judged_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, out = make_build(tmp_path, 1)
    answer(out, "annotate", {"accept": False, "reason": "other"})
    monkeypatch.setattr(Proxy, "version", 1000)
    assert build_samples(recipe, out).waiting == {"annotate": 1}
    desk = desk_of(out)
    with pytest.raises(ConflictError, match="was made anew"):
        desk.reopen("anna", None)
    desk.close()


def test_the_desk_judges_what_the_stages_are_given() -> None:
    stages = (Filter(), Curate(), Proofread(), BackgroundProofread())
    shown = {stage.name: tuple(need for need in stage.needs if need != Inspect.name) for stage in stages}
    assert {gate: JUDGED[gate] for gate in GATES if gate != "annotate"} == shown  # nobody sees what a model told


def test_a_folder_without_a_build_is_told_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="holds no build"):
        desk_of(tmp_path)
    assert not list(tmp_path.iterdir())

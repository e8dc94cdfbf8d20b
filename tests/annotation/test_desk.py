"""From a build that waits to its samples: what people decide at the desk is what the build goes on with."""

import json
import shutil
from pathlib import Path

import pytest
from tests.annotation.made_build import click_ball, desk_of, make_build

from vera.construction.construct import build_samples
from vera.construction.decisions import held_decisions, read_decisions
from vera.errors import VeraError


def test_a_build_goes_on_with_what_was_decided(tmp_path: Path) -> None:
    recipe, out = make_build(tmp_path, 1, 2)
    desk = desk_of(out)
    for person in ("anna", "ben"):
        lease = desk.claim(person, "annotate", "work")
        assert lease is not None
        if person == "anna":
            click_ball(desk, lease.id)
            desk.finish(lease, {"accept": True})
        else:
            desk.finish(lease, {"accept": False, "reason": "out of focus"})
    assert desk.claim("carl", "annotate", "work") is None
    desk.close()
    report = build_samples(recipe, out)
    assert report.waiting == {"filter": 1} and report.rejected == {"annotate: unusable": 1}
    desk = desk_of(out)
    lease = desk.claim("ben", "filter", "work")
    assert lease is not None and lease.object == "o1"
    with pytest.raises(VeraError, match="say why"):
        desk.finish(lease, {"accept": False})
    desk.finish(lease, {"accept": True})
    desk.close()
    assert build_samples(recipe, out).samples == 1
    row = json.loads(next((out / "dataset").rglob("*.jsonl")).read_text(encoding="utf-8"))
    assert (row["provenance"]["annotated_by"], row["provenance"]["reviewed_by"]) == ("anna", "ben")
    assert len(read_decisions(held_decisions(out / "decisions"))) == 3


@pytest.mark.faults
def test_who_holds_a_clip_that_is_gone_is_given_another(tmp_path: Path) -> None:
    _, out = make_build(tmp_path, 1, 2)
    desk = desk_of(out)
    held = desk.claim("anna", "annotate", "work")
    assert held is not None
    shutil.rmtree(out / "clips" / held.clip[:2] / held.clip)
    for _ in range(2):
        other = desk.claim("anna", "annotate", "work")
        assert other is not None and other.clip != held.clip
    assert desk.claim("ben", "annotate", "work") is None
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
                desk.finish(lease, {"accept": True, "instruction": "There is a ball."})
            with pytest.raises(VeraError, match="depth of field"):
                desk.finish(lease, {**said, "before": "A wall with a shallow depth of field."})
        desk.finish(lease, said)
        desk.close()
        report = build_samples(recipe, out)
    assert report.samples == 1
    row = json.loads(next((out / "dataset").rglob("*.jsonl")).read_text(encoding="utf-8"))
    assert row["edit_instruction"] == "Add a ball that rolls to the right."
    assert (row["provenance"]["instruction_by"], row["provenance"]["proofread_by"]) == ("anna", "anna")


def test_a_folder_without_a_build_is_told_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="holds no build"):
        desk_of(tmp_path)
    assert not list(tmp_path.iterdir())

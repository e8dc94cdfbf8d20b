"""Gold: samples of our own among everybody's tasks, scored against what is known of them."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from fastapi.testclient import TestClient
from tests.annotation.made_build import ball_annotated, desk_of, make_build, say
from tests.construction.crossing import FRAMES, HEIGHT, WIDTH, centre, crossing

from vera.annotation.gold import noun_in
from vera.annotation.pictures import picture
from vera.annotation.server.app import annotation_app
from vera.annotation.server.progress import read_progress
from vera.annotation.server.showing import show_work
from vera.construction.construct import build_samples
from vera.construction.engine.record import Layout
from vera.construction.formats.rle import encode_mask
from vera.data.released.writer import append_row, write_clips
from vera.data.sample import LayeredSample
from vera.errors import VeraError
from vera.service.access import Access


def masks() -> np.ndarray:
    y, x = np.ogrid[:HEIGHT, :WIDTH]
    return np.stack([(x - centre(t)[0]) ** 2 + (y - centre(t)[1]) ** 2 <= 12**2 for t in range(FRAMES)])


def write_synthetic(root: Path) -> None:
    """A sample of each task as `vera data synth` writes them; of an added object there are two."""
    clip, ball = crossing(5), masks().astype(np.uint8) * np.uint8(255)
    for number, (split, task) in enumerate(
        [("bg-change", "background_replace"), ("obj-add", "obj_add"), ("obj-add", "obj_add")]
    ):
        plate = np.median(clip, axis=0).astype(np.uint8)[None].repeat(FRAMES, 0)
        mask = ball if task == "background_replace" else None
        sample = LayeredSample(plate, clip, ball, clip, mask, "Add a ball.", task)  # type: ignore[arg-type]
        row = write_clips(sample, root, f"synthetic-{split}", f"{number:06}")
        append_row(row, root, f"synthetic-{split}", FRAMES)


def test_answers_to_gold_are_scored_and_decide_nothing(tmp_path: Path) -> None:
    _, out = make_build(tmp_path, 1)
    write_synthetic(tmp_path / "synth")
    desk = desk_of(out, tmp_path / "synth", gold=1.0)
    for person, mask in (("anna", masks()[8]), ("ben", ~masks()[8])):
        lease = desk.claim(person, "annotate", "work")
        assert lease is not None and lease.gold and lease.clip.startswith("gold")
        desk.save(lease.id, 0, {"kind": "mask", "frame": 8, "mask": encode_mask(mask)})
        desk.save(lease.id, 1, {"kind": "noun", "noun": "ball"})
        say(desk, lease, {"accept": True})
    verdicts = []
    for accept in (True, True):
        lease = desk.claim("anna", "filter", "work")
        assert lease is not None and lease.gold
        assert picture(desk.clips, lease.clip, lease.object, "difference", 3)[0][:2] == b"\xff\xd8"
        verdicts.append(lease.clip)
        say(desk, lease, {"accept": accept})
    assert len(set(verdicts)) == 2 and desk.claim("anna", "filter", "work") is None
    desk.settle()
    progress = read_progress(desk.store, "")
    told = {one.person: (one.gold, one.right) for one in progress.people}
    assert told == {"anna": (3, pytest.approx(2 / 3)), "ben": (1, 0.0)}  # one of two removals had a ghost in it
    assert [gate.decided for gate in progress.gates] == [0] and not list(out.glob("decisions/*"))
    desk.close()
    desk = desk_of(out, tmp_path / "synth", gold=1.0)  # the same samples are not taken up again
    assert desk.store.count("SELECT count(*) FROM tasks WHERE truth IS NOT NULL") == 3
    desk.close()


def test_gold_looks_like_any_other_task(tmp_path: Path) -> None:
    """Its page, and what its address answers, tell nothing."""
    recipe, out = make_build(tmp_path, 1)
    ball_annotated(out)
    build_samples(recipe, out)
    write_synthetic(tmp_path / "synth")
    told = []
    for person, share in (("anna", 1.0), ("ben", 0.0)):
        desk, access = desk_of(out, tmp_path / "synth", gold=share), Access()
        bearer = {"authorization": f"Bearer {access.token}"}
        client = TestClient(annotation_app(desk, access), "http://127.0.0.1", headers=bearer)
        work = client.post("/api/claims", json={"person": person, "gate": "filter"}).json()["work"]
        path = f"/api/leases/{work['lease']}"
        views = ("plate/999", "alpha/1", "result/1", "checker/1")
        answers = [client.get(f"{path}/pictures/{view}") for view in views]
        answers += [client.post(f"{path}/answer", json={"accept": True, "of": of}) for of in ({}, work["of"])]
        shapes = {stage: len(made) for stage, made in work["of"].items()}
        told.append((shapes, work["noun"] != "", work["views"], [(one.status_code, one.text) for one in answers]))
        desk.close()
    assert told[0] == told[1] and told[0][0] == {"remove": 32} and told[0][1]


@pytest.mark.faults
def test_gold_has_no_evidence_where_a_network_removes(tmp_path: Path) -> None:
    """Its removals lack it, and so would tell."""
    _, out = make_build(tmp_path, 1)
    write_synthetic(tmp_path / "synth")
    network = {"path": "casper", "licence": "MIT", "base": {"path": "wan", "licence": "MIT"}}
    for removal, views in (({}, {"evidence"}), ({"network": network}, set())):
        kept = Layout(out).recipe
        kept.write_text(yaml.safe_dump(yaml.safe_load(kept.read_text()) | {"remove": removal}))
        desk = desk_of(out, tmp_path / "synth", gold=1.0)
        lease = desk.claim("anna", "filter", "work")
        assert lease is not None and lease.gold
        assert set(show_work(desk, lease).views) == {"plate", "clip", "difference"} | views
        desk.close()


def test_the_noun_of_gold_is_in_its_instruction() -> None:
    assert noun_in("Add two big blue toy planes on the left, bouncing.") == "toy plane"
    assert noun_in("Put a cactus in the middle.") == "cactus"
    assert noun_in("Add a zzz.") == "object"


def test_a_folder_without_samples_is_told(tmp_path: Path) -> None:
    _, out = make_build(tmp_path, 1)
    with pytest.raises(VeraError, match="holds no sample of `vera data synth`"):
        desk_of(out, tmp_path)

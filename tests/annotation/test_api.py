"""The desk over HTTP: what is refused and how it is told; nobody learns what they should not know."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.annotation.made_build import desk_of, make_build
from tests.construction.crossing import FRAMES, HEIGHT, WIDTH, centre

from vera.annotation.desk import Desk
from vera.annotation.server.app import annotation_app
from vera.annotation.server.forms import Differing, GateProgress, PersonProgress, Progress, Work
from vera.annotation.server.routes import mask_lines
from vera.annotation.store.leases import find_lease
from vera.construction.formats.rle import decode_mask, encode_mask
from vera.service.access import Access, Proxy
from vera.service.errors import MissingError

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_build(tmp_path_factory.mktemp("built"), 1, 2)[1]


@pytest.fixture
def desk(built: Path) -> Iterator[Desk]:
    opened = desk_of(built)
    yield opened
    opened.close()
    for path in (built / "annotation").iterdir():
        path.unlink()
    for path in (built / "decisions").glob("*"):
        path.unlink()


@pytest.fixture
def client(desk: Desk) -> TestClient:
    access = Access()
    app = annotation_app(desk, access)
    return TestClient(app, "http://127.0.0.1", headers={"authorization": f"Bearer {access.token}"})


def claim(client: TestClient, person: str = "anna", gate: str = "annotate") -> Any:
    return client.post("/api/claims", json={"person": person, "gate": gate}).json()["work"]


def act(client: TestClient, work: Any, seq: int, **event: Any) -> Any:
    return client.post(f"/api/leases/{work['lease']}/events", json={"seq": seq, "event": event})


def test_a_ball_is_masked_by_one_click_and_carried_along(client: TestClient) -> None:
    work = claim(client)
    assert (work["frames"], work["width"], work["height"], work["seq"]) == (FRAMES, WIDTH, HEIGHT, 0)
    x, y = centre(8)
    assert act(client, work, 0, kind="box", frame=8, box=[x - 16, y - 16, 33, 33]).json()["seq"] == 1
    place = f"/api/leases/{work['lease']}/masks/1"
    mask = decode_mask(client.get(f"{place}/8").json()["counts"], (HEIGHT, WIDTH))
    assert 350 < mask.sum() < 560 and mask[y, x]
    assert client.get(f"{place}/3").json() == {"counts": None}
    lines = [line for line in client.get(place).text.splitlines() if line]
    assert len(lines) == FRAMES
    picture = client.get(f"/api/leases/{work['lease']}/pictures/clip/8")
    assert picture.headers["content-type"] == "image/jpeg" and picture.content[:2] == b"\xff\xd8"
    painted = encode_mask(~mask)
    assert act(client, work, 1, kind="mask", frame=8, mask=painted).status_code == 200
    assert client.get(f"{place}/8").json()["counts"] == painted
    assert act(client, work, 2, kind="undo").status_code == 200
    assert decode_mask(client.get(f"{place}/8").json()["counts"], (HEIGHT, WIDTH)).sum() == mask.sum()
    again = claim(client)
    assert again["lease"] == work["lease"] and again["seq"] == 3 and again["draft"]["can_redo"]


@pytest.mark.parametrize(
    ("event", "status", "told"),
    [
        ({"kind": "plus"}, 422, "plus has a point"),
        ({"kind": "plus", "point": [WIDTH, 0]}, 422, "beside the picture of 160x96"),
        ({"kind": "plus", "point": [0, 0], "frame": FRAMES}, 422, "frames 0 to 16, not 17"),
        ({"kind": "box", "box": [0, 0, 0, 5]}, 422, "the box is empty"),
        ({"kind": "mask", "mask": "232O"}, 422, "not of 160x96"),
        ({"kind": "proposal", "proposal": 99}, 422, "no proposal 99"),
        ({"kind": "noun", "noun": "x" * 81}, 422, "noun"),
        ({"kind": "noun", "noun": "a\x00b"}, 422, "control character"),
        ({"kind": "stroke", "stroke": {"points": []}}, 422, "stroke"),
        ({"kind": "levels"}, 422, "levels has a levels"),
        ({"kind": "part"}, 422, "part has a point"),
        ({"kind": "part", "point": [-1, 0]}, 422, "beside the picture"),
        ({"kind": "levels", "levels": [0.9, 0.1]}, 422, "levels rise from 0 to 1"),
        ({"kind": "levels", "levels": [0, 2]}, 422, "levels"),
        ({"kind": "shout"}, 422, "kind: is one of"),
        ({"kind": "plus", "object": 10, "point": [0, 0]}, 422, "object"),
        ({"kind": "undo", "more": 1}, 422, "unknown field more"),
    ],
)
def test_bad_events_are_told_and_not_kept(client: TestClient, event: dict[str, Any], status: int, told: str) -> None:
    work = claim(client)
    answer = act(client, work, 0, **event)
    assert answer.status_code == status and told in answer.json()["detail"]
    assert claim(client)["seq"] == 0


def test_who_clicks_everywhere_is_told_at_the_hundredth_click(client: TestClient) -> None:
    work = claim(client)
    for seq in range(100):
        assert act(client, work, seq, kind="plus", point=[seq, seq % HEIGHT]).status_code == 200
    refused = act(client, work, 100, kind="plus", point=[0, 0])
    assert refused.status_code == 409 and "100 clicks are the most in one frame; undo some" in refused.json()["detail"]
    assert client.get(f"/api/leases/{work['lease']}/masks/1/0").status_code == 200
    assert act(client, work, 100, kind="undo").status_code == 200  # and goes on


def test_what_is_missing_of_an_answer_is_told(client: TestClient) -> None:
    work = claim(client)
    path = f"/api/leases/{work['lease']}/answer"
    assert "nothing is chosen" in client.post(path, json={"accept": True}).json()["detail"]
    act(client, work, 0, kind="plus", point=[20, 50])
    assert "object 1 has no name" in client.post(path, json={"accept": True}).json()["detail"]
    act(client, work, 1, kind="noun", object=2, noun="dog")
    act(client, work, 2, kind="noun", noun="ball")
    assert "object 2 (dog) is nowhere" in client.post(path, json={"accept": True}).json()["detail"]
    assert "say why" in client.post(path, json={"accept": False}).json()["detail"]
    act(client, work, 3, kind="remove", object=2)
    assert "does not say what it is of" in client.post(path, json={"accept": True}).json()["detail"]
    said = {"accept": True, "of": work["of"]}
    assert client.post(path, json=said).status_code == 204
    assert client.post(path, json=said).status_code == 204  # the answer was lost on its way
    assert client.post(path, json={**said, "accept": False, "reason": "other"}).status_code == 409


@pytest.mark.faults
def test_what_cannot_be_followed_is_told_before_a_status_is_sent(client: TestClient, desk: Desk) -> None:
    lease = find_lease(desk.store, claim(client)["lease"])
    with pytest.raises(MissingError, match="no proposal 99"):
        mask_lines(desk, lease, {"noun": "ball", "proposal": 99})


def test_people_are_kept_apart_and_named_by_the_proxy(desk: Desk) -> None:
    app = annotation_app(desk, Access(proxy=Proxy("testclient", "X-Forwarded-User")))
    client = TestClient(app, "http://127.0.0.1", headers={"X-Forwarded-User": "carl"})
    first = claim(client, "somebody else")
    assert claim(client, "anna")["lease"] == first["lease"]
    assert client.get("/api/progress").json()["you"] == "carl"
    assert desk.store.rows("SELECT DISTINCT person FROM leases")[0]["person"] == "carl"


def test_strangers_learn_nothing(desk: Desk) -> None:
    client = TestClient(annotation_app(desk, Access()), "http://127.0.0.1")
    for path in ("/api/progress", f"/api/leases/{'x' * 22}", f"/api/leases/{'x' * 22}/pictures/clip/0"):
        assert client.get(path).status_code == 401
    assert client.post("/api/claims", json={"person": "anna", "gate": "annotate"}).status_code == 401


def test_a_task_does_not_say_whether_its_answer_is_known(client: TestClient) -> None:
    work = claim(client)
    assert set(work) == set(Work.model_fields) and "clip" not in work and "gold" not in str(work)
    assert client.get(f"/api/leases/{work['lease']}/pair").status_code == 409


@pytest.mark.parametrize("model", [Work, Differing, GateProgress, PersonProgress, Progress])
def test_the_page_and_the_server_name_the_same_fields(model: Any) -> None:
    import re

    text = (ROOT / "web/annotation/api.ts").read_text(encoding="utf-8")
    body = re.search(rf"export interface {model.__name__} {{(.*?)\n}}", text, re.DOTALL)
    assert body is not None
    assert re.findall(r"^  (\w+)\??:", body[1], re.MULTILINE) == list(model.model_fields)

"""Projects over HTTP: layers, tags that tell tabs apart, what cannot be, and files that the command line takes."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.layers.test_adjust import NUMBER
from tests.layers.test_paint import STROKES
from tests.studio.house import API, House
from tests.studio.taking import bring

from vera.layers import Adjustment as Wanted
from vera.layers.adjust import adjustment_from_json
from vera.layers.blend_modes import BLEND_MODES
from vera.layers.stack import read_project
from vera.studio.schema.adjustment import Adjustment, BlendMode, Layer, Stroke


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_bodies_take_every_adjustment_and_say_the_same(data: st.DataObject) -> None:
    values = data.draw(st.fixed_dictionaries({}, optional=NUMBER | {"paint": st.lists(STROKES, max_size=2).map(tuple)}))
    wanted = Wanted(**values)
    body = Adjustment(**wanted.to_json())
    layer = Layer(take="a" * 24, **wanted.to_json())
    assert adjustment_from_json(json.loads(body.model_dump_json())) == wanted
    assert adjustment_from_json(layer.adjustment_json()) == wanted


def test_bodies_have_the_fields_and_limits_of_the_library() -> None:
    assert set(Adjustment.model_fields) == set(Wanted.__dataclass_fields__)
    assert set(Stroke.model_fields) == {"points", "radius", "softness", "value", "mode", "range"}
    assert set(TypeAdapter(BlendMode).json_schema()["enum"]) == set(BLEND_MODES)
    assert adjustment_from_json(Adjustment().model_dump(mode="json")) == Wanted()


def test_a_project_is_made_and_changed(house: House, project: str, clip: str) -> None:
    said = house.get(f"/projects/{project}")
    assert said | {"updated": 0} == {
        "id": project,
        "name": "Bikes",
        "clip": clip,
        "layers": [],
        "strict_chroma": False,
        "display": {"lut": None, "ocio": None},
        "width": 64,
        "height": 48,
        "takes": [],
        "laid": [],
        "updated": 0,
    }
    first = house.tag(project)
    renamed = house.patch(f"/projects/{project}", {"name": "Hats"}, first)
    assert renamed["name"] == "Hats" and house.tag(project) != first
    assert project in [each["id"] for each in house.get("/projects")]
    named = house.post("/projects", {"clip": clip})
    assert named["name"] == "bikes"


def test_the_second_tab_is_told(house: House, project: str) -> None:
    tag = house.tag(project)
    house.patch(f"/projects/{project}", {"name": "one"}, tag)
    answer = house.client.patch(f"{API}/projects/{project}", json={"name": "two"}, headers={"If-Match": tag})
    assert answer.status_code == 412 and "another tab" in answer.json()["detail"]
    assert answer.headers["ETag"] == house.tag(project)
    assert house.get(f"/projects/{project}")["name"] == "one"
    assert "ETag as If-Match" in house.patch(f"/projects/{project}", {"name": "two"}, None, 428)["detail"]


@pytest.mark.parametrize("change", [{"name": "one"}, {"strict_chroma": True}, {"name": "one", "layers": []}])
def test_a_change_is_sent_again_when_its_answer_was_lost(house: House, project: str, change: dict[str, Any]) -> None:
    tag = house.tag(project)
    once = house.patch(f"/projects/{project}", change, tag)
    assert house.patch(f"/projects/{project}", change, tag) == once
    house.patch(f"/projects/{project}", {"name": "two"}, house.tag(project))
    assert "another tab" in house.patch(f"/projects/{project}", {**change, "name": "one"}, tag, 412)["detail"]
    house.patch(f"/projects/{project}", {"name": "two"}, None, 428)


@pytest.mark.faults
def test_of_changes_at_once_one_counts(house: House, project: str) -> None:
    tag = house.tag(project)

    def change(name: str) -> int:
        answer = house.client.patch(f"{API}/projects/{project}", json={"name": name}, headers={"If-Match": tag})
        return int(answer.status_code)

    names = [f"tab {number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        said = dict(zip(names, pool.map(change, names), strict=True))
    assert sorted(said.values()) == [200] + [412] * 7
    assert said[house.get(f"/projects/{project}")["name"]] == 200


def test_takes_do_not_change_the_tag(house: House, project: str, footage: Path) -> None:
    tag = house.tag(project)
    take = bring(house, project, footage / "hat")
    assert house.tag(project) == tag and house.get(f"/projects/{project}")["takes"] == [take]


def test_layers_are_kept_as_the_library_reads_them(house: House, project: str, footage: Path) -> None:
    take = bring(house, project, footage / "hat")
    stroke = {"points": [[1, 2], [5, 6]], "radius": 4}
    layers = [{"take": take, "opacity": 0.5, "paint": [stroke]}, {"take": take, "on": False, "offset": [3, -1]}]
    said = house.layers(project, layers, strict_chroma=True)
    assert [layer["opacity"] for layer in said["layers"]] == [0.5, 1] and said["layers"][1]["on"] is False
    path = house.studio.workspace / "projects" / project / "project.json"
    found, strict = read_project(path)
    assert strict and [layer.on for layer in found] == [True, False]
    assert found[0].adjustment == adjustment_from_json({"opacity": 0.5, "paint": [stroke]})
    assert found[0].folder == path.parent / "takes" / take
    assert house.get(f"/projects/{project}")["layers"] == said["layers"]


@pytest.mark.faults
@pytest.mark.parametrize(
    ("layer", "what"),
    [
        ({"opacity": 2}, "opacity"),
        ({"opacity": "1e999"}, "opacity"),
        ({"range": [5, 2]}, "range"),
        ({"range": [-1, 2]}, "range"),
        ({"blend": "burn"}, "blend"),
        ({"sparkle": 1}, "sparkle"),
        ({"paint": [{"points": [], "radius": 1}]}, "points"),
        ({"paint": [{"points": [[1, 1]], "radius": 1, "range": [3, 1]}]}, "range"),
        ({"paint": [{"points": [[1, 1]] * 1100, "radius": 1000}]}, "wide a brush"),
        ({"paint": [{"points": [[1, 1]] * 11000, "radius": 1}] * 2}, "20,000 points"),
        ({"take": "0" * 24}, "none of this project's"),
        ({"take": "../../../x"}, "take"),
    ],
)
def test_layers_that_cannot_be(house: House, project: str, footage: Path, layer: dict[str, Any], what: str) -> None:
    take = bring(house, project, footage / "hat")
    before = (house.studio.workspace / "projects" / project / "project.json").read_bytes()
    said = house.patch(f"/projects/{project}", {"layers": [{"take": take} | layer]}, house.tag(project), 422)
    assert what in said["detail"] and "\n" not in said["detail"]
    assert (house.studio.workspace / "projects" / project / "project.json").read_bytes() == before


@pytest.mark.faults
def test_names_that_cannot_be(house: House, project: str, clip: str) -> None:
    for name in ("", "x" * 201, "a\nb", "a\x1b[31m", 3):
        house.patch(f"/projects/{project}", {"name": name}, house.tag(project), 422)
        house.post("/projects", {"clip": clip, "name": name}, 422)
    for name in ("../../etc", "CON", "a[exec touch PWNED].mp4", "<script>", "б" * 200):
        assert house.patch(f"/projects/{project}", {"name": name}, house.tag(project))["name"] == name


@pytest.mark.faults
def test_a_project_that_was_damaged_by_hand(house: House, project: str) -> None:
    path = house.studio.workspace / "projects" / project / "project.json"
    for text in ("{", "[]", '{"layers": 3}', '{"layers": [3]}', '{"layers": [{"folder": "../x"}]}', '{"layers": [{}]}'):
        path.write_text(text, encoding="utf-8")
        assert house.get(f"/projects/{project}", 422)["detail"]
    path.write_text('{"format": 1, "layers": []}', encoding="utf-8")
    house.get(f"/projects/{project}")


def test_a_project_goes_to_the_bin(house: House, project: str) -> None:
    answer = house.client.delete(f"{API}/projects/{project}", headers={"If-Match": '"old"'})
    assert answer.status_code == 412
    answer = house.client.delete(f"{API}/projects/{project}", headers={"If-Match": house.tag(project)})
    assert answer.status_code == 204
    house.get(f"/projects/{project}", 404)
    assert (house.studio.workspace / "bin" / project / "project.json").is_file()

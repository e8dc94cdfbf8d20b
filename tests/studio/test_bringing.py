"""Layer folders and projects that are brought in over HTTP: from below a root or sent; nothing else is read."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.studio.house import API, House
from tests.studio.test_uploads import upload

from vera.layers import Adjustment, load_layers, save_layers
from vera.layers.stack import ProjectLayer, write_project

FILES = ("manifest.json", "edit.mkv", "alpha.mkv")


@pytest.fixture
def root(house: House) -> str:
    return str(house.get("/about")["roots"][0]["id"])


def sent(house: House, layers: Path, names: tuple[str, ...] = FILES) -> list[str]:
    return [upload(house, (layers / name).read_bytes(), name) for name in names]


def test_layers_below_a_root_become_a_take(house: House, project: str, root: str) -> None:
    take = house.post(f"/projects/{project}/brought", {"root": root, "inside": "hat"})
    assert (take["kind"], take["instruction"], take["seed"], take["state"]) == ("brought", "add a hat", 3, "queued")
    house.work("take_proxy")
    assert house.get(f"/takes/{take['id']}")["state"] == "done"


def test_layers_that_were_sent_become_a_take(house: House, project: str, footage: Path) -> None:
    uploads = sent(house, footage / "hat")
    take = house.post(f"/projects/{project}/brought", {"uploads": uploads})
    house.work("take_proxy")
    assert house.get(f"/takes/{take['id']}")["frames"] == [1, 2, 3, 4, 5, 6]
    assert not any((house.studio.uploads.folder / one).exists() for one in uploads)
    layers = house.studio.workspace / "projects" / project / "takes" / take["id"]
    assert all((layers / name).read_bytes() == (footage / "hat" / name).read_bytes() for name in FILES)


def test_a_project_below_a_root_is_opened_with_its_clip(house: House, footage: Path, root: str) -> None:
    path = footage / "project.json"
    write_project(path, [ProjectLayer(footage / "hat", Adjustment(opacity=0.5)), ProjectLayer(footage / "hat")])
    said = house.post("/opened", {"root": root, "inside": "project.json"})
    assert [layer["opacity"] for layer in said["layers"]] == [0.5, 1] and len(said["takes"]) == 1
    house.work()
    assert house.client.get(f"{API}/projects/{said['id']}/frames/3").status_code == 200
    path.unlink()
    assert house.post("/opened", {"root": root, "inside": "hat"})["name"] == "hat"
    house.work()


@pytest.mark.faults
@pytest.mark.parametrize("inside", ["..", "../outside", "/etc", "hat/../../outside", "C:\\x", "link", "half", "chain"])
def test_nothing_outside_of_a_root_is_brought_in(
    house: House, project: str, footage: Path, root: str, tmp_path: Path, inside: str
) -> None:
    """Neither by its name, nor by links: of the folder, of a file in it, of the clip beside it."""
    outside = tmp_path / "outside"
    save_layers(load_layers(footage / "hat"), outside)
    links = {footage / "link": outside, footage / "half" / "alpha.mkv": outside / "alpha.mkv"}
    (footage / "half").mkdir()
    for name in FILES[:2]:
        (footage / "half" / name).write_bytes((outside / name).read_bytes())
    for link, target in links.items():
        link.symlink_to(target)
    (footage / "chain").symlink_to(footage / "link")
    try:
        before = sorted(house.get("/projects"), key=str)
        for path in (f"/projects/{project}/brought", "/opened"):
            answer = house.client.post(API + path, json={"root": root, "inside": inside})
            assert answer.status_code in (404, 422) and str(tmp_path) not in answer.text
        assert house.get(f"/projects/{project}/takes") == [] and sorted(house.get("/projects"), key=str) == before
    finally:
        for link in (*links, footage / "chain", *(footage / "half" / name for name in FILES[:2])):
            link.unlink()
        (footage / "half").rmdir()


@pytest.mark.faults
@pytest.mark.parametrize("folder", ["../outside", "/etc", "link", "none"])
def test_a_project_names_nothing_outside(house: House, footage: Path, root: str, tmp_path: Path, folder: str) -> None:
    save_layers(load_layers(footage / "hat"), tmp_path / "outside")
    (footage / "link").symlink_to(tmp_path / "outside")
    (footage / "bad.json").write_text(json.dumps({"format": 1, "layers": [{"folder": folder}]}), encoding="utf-8")
    before = len(house.get("/projects"))
    try:
        said = house.post("/opened", {"root": root, "inside": "bad.json"}, 422)["detail"]
        assert said and str(tmp_path) not in said
        assert len(house.get("/projects")) == before
    finally:
        (footage / "link").unlink()
        (footage / "bad.json").unlink()


@pytest.mark.faults
def test_a_clip_beside_the_layers_that_leads_out_is_refused(
    house: House, footage: Path, root: str, tmp_path: Path
) -> None:
    (tmp_path / "other.mp4").write_bytes((footage / "bikes.mp4").read_bytes())
    (footage / "there").mkdir()
    (footage / "there" / "bikes.mp4").symlink_to(tmp_path / "other.mp4")
    save_layers(load_layers(footage / "hat"), footage / "there" / "hat")
    assert "leads out" in house.post("/opened", {"root": root, "inside": "there/hat"}, 422)["detail"]
    (footage / "there" / "bikes.mp4").unlink()
    assert "is not beside it" in house.post("/opened", {"root": root, "inside": "there/hat"}, 422)["detail"]


@pytest.mark.faults
def test_what_is_no_layer_folder(house: House, project: str, footage: Path, root: str, tmp_path: Path) -> None:
    path = f"/projects/{project}/brought"
    for asked in ({}, {"root": root, "inside": "hat", "uploads": ["0" * 32]}, {"inside": "hat"}):
        assert "one of them" in house.post(path, asked, 422)["detail"]
    assert house.post(path, {"root": root, "inside": "bikes.mp4"}, 422)["detail"]
    assert house.post(path, {"root": root, "inside": ""}, 422)["detail"]
    two = sent(house, footage / "hat", FILES[:2])
    assert "a layer folder is" in house.post(path, {"uploads": two}, 422)["detail"]
    assert "a layer folder is" in house.post(path, {"uploads": [*two, two[0]]}, 422)["detail"]
    other = upload(house, b"x", "../../alpha.mkv")  # its name is its last part, its content is none
    assert str(house.studio.workspace) not in house.post(path, {"uploads": [*two, other]}, 422)["detail"]
    house.post(path, {"uploads": [*two, "0" * 32]}, 404)
    assert house.get(f"/projects/{project}/takes") == []
    assert not list((house.studio.workspace / "projects" / project).glob("brought/*"))


@pytest.mark.faults
@pytest.mark.parametrize(
    "said", [{"instruction": 5}, {"instruction": "x" * 10**5}, {"seed": -1}, {"seed": 2**62}, {"model": ["x"]}]
)
def test_what_a_manifest_says_is_not_believed(
    house: House, project: str, footage: Path, root: str, said: dict[str, Any]
) -> None:
    edit = load_layers(footage / "hat")
    save_layers(replace(edit, metadata={**edit.metadata, **said}), footage / "odd")
    take = house.post(f"/projects/{project}/brought", {"root": root, "inside": "odd"})
    assert len(take["instruction"]) <= 2000 and (take["seed"] is None or take["seed"] >= 0)
    house.work("take_proxy")

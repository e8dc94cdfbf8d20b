"""One item that was damaged, by hand or by a disk, keeps nobody from the others, and can be deleted."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clips import make_clip as new_clip
from tests.studio.house import API, House, open_house
from tests.studio.taking import bring
from tests.studio.test_uploads import upload

from vera.jobs.kinds.inputs import open_job_clip
from vera.studio.opening import open_named

DAMAGES = [None, "", "{", "[]", "{}", '{"name": 1}', '{"layers": [{"folder": 5}], "takes": [], "path": 1}']


@pytest.fixture
def house(tmp_path: Path, footage: Path) -> Iterator[House]:
    """A house of one's own: with a project over a clip of a root, and one over an upload."""
    house = open_house(tmp_path / "workspace", footage)
    yield house
    house.studio.drawing.close()


def spoil(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def whole(house: House, footage: Path) -> str:
    return str(open_named(house.studio, footage / "bikes.mp4").project)


@pytest.fixture
def spoiled(house: House, footage: Path) -> dict[str, str]:
    """A project that will be damaged, over an upload of its own."""
    sent = upload(house, (footage / "bikes.mp4").read_bytes(), "sent.mp4")
    found: dict[str, str] = house.post("/projects", {"clip": house.post("/clips", {"upload": sent})["id"]})
    return found


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", ["projects/{id}/project.json", "projects/{id}/studio.json", "clips/{clip}/clip.json"])
def test_a_damaged_project_is_flagged_and_can_be_deleted(
    house: House, whole: str, spoiled: dict[str, str], footage: Path, file: str, damage: str | None
) -> None:
    if file.endswith("studio.json") and damage is None:
        return  # without it there is no project
    spoil(house.studio.workspace / file.format(**spoiled), damage)
    listed = {project["id"]: project for project in house.get("/projects")}
    assert listed[spoiled["id"]]["damaged"] and "damaged" not in listed[whole]
    assert house.get(f"/projects/{spoiled['id']}", 404 if damage is None and "clip" in file else 422)["detail"]
    assert [clip["name"] for clip in house.get("/clips")][-1] == "bikes.mp4"
    assert open_named(house.studio, footage / "bikes.mp4").project == whole
    at = f"{API}/projects/{spoiled['id']}"
    assert house.client.delete(at, headers={"If-Match": '"x"'}).status_code == 412
    assert house.client.delete(at, headers={"If-Match": "*"}).status_code == 204
    assert [project["id"] for project in house.get("/projects")] == [whole]
    assert house.client.delete(f"{API}/deleted").status_code == 200
    assert not any(path.name == spoiled["id"] for path in house.studio.workspace.rglob("*"))


def test_a_clip_whose_folder_is_gone(house: House, whole: str, spoiled: dict[str, str]) -> None:
    shutil.rmtree(house.studio.workspace / "clips" / spoiled["clip"])
    assert {project["id"]: project.get("damaged", "") != "" for project in house.get("/projects")} == {
        whole: False,
        spoiled["id"]: True,
    }


@pytest.mark.faults
def test_what_a_damaged_project_may_use_is_not_deleted(house: House, whole: str, spoiled: dict[str, str]) -> None:
    other = house.post("/projects", {"clip": spoiled["clip"]})["id"]
    record = house.studio.workspace / "projects" / spoiled["id"] / "studio.json"
    before = record.read_text()
    record.write_text("{")
    house.client.delete(f"{API}/projects/{other}", headers={"If-Match": "*"})
    assert house.client.delete(f"{API}/deleted").json()["deleted"] == 1
    record.write_text(before)
    assert house.get(f"/projects/{spoiled['id']}")["clip"] == spoiled["clip"]


def test_a_folder_of_a_name_that_is_no_id(house: House, whole: str) -> None:
    projects = house.studio.workspace / "projects"
    shutil.copytree(projects / whole, projects / f"{whole} (copy)")
    assert [project["id"] for project in house.get("/projects")] == [whole]


@pytest.mark.parametrize("damage", DAMAGES[1:])
def test_takes_and_files_that_are_damaged(house: House, whole: str, footage: Path, damage: str) -> None:
    first, second = (bring(house, whole, footage / "hat") for _ in range(2))
    files = [house.post(f"/projects/{whole}/results", {}, 202)["spec"]["file"] for _ in range(2)]
    house.work()
    folder = house.studio.workspace / "projects" / whole
    (folder / "takes" / first / "take.json").write_text(damage)
    (folder / "exports" / files[0] / "about.json").write_text(damage)
    takes = {take["id"]: take for take in house.get(f"/projects/{whole}/takes")}
    assert takes[second]["state"] == "done" and "make it again" in takes[first]["error"]
    assert [file["id"] for file in house.get(f"/projects/{whole}/files")] == files[1:]
    assert house.client.delete(f"{API}/projects/{whole}/files/{files[0]}").status_code == 204
    assert not (folder / "exports" / files[0]).exists()


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("copied", [False, True])
def test_an_upload_is_found_where_the_workspace_is(
    tmp_path: Path, house: House, spoiled: dict[str, str], older: bool, copied: bool
) -> None:
    """Moved, copied to another disk, or mounted elsewhere by a worker; older versions kept whole paths."""
    place = house.studio.workspace
    record = place / "clips" / spoiled["clip"] / "clip.json"
    said = json.loads(record.read_text())
    assert said["path"] == f"clips/{spoiled['clip']}/source.mp4"
    if older:
        record.write_text(json.dumps(said | {"path": str(place / said["path"])}))
    house.studio.jobs.close()
    (shutil.copytree if copied else Path.rename)(place, tmp_path / "moved")
    assert open_job_clip(tmp_path / "moved", spoiled["clip"]).frame_count == 8
    moved = open_house(tmp_path / "moved")
    try:
        assert [clip["notes"] for clip in moved.get("/clips")] == [[]]
        assert moved.client.get(f"{API}/projects/{spoiled['id']}/frames/3").status_code == 200
    finally:
        moved.studio.drawing.close()


def test_an_upload_that_was_replaced_is_told(house: House, spoiled: dict[str, str]) -> None:
    new_clip(house.studio.workspace / "clips" / spoiled["clip"] / "source.mp4", 9, (64, 48))
    said = house.get(f"/projects/{spoiled['id']}/frames/3", 422)
    assert "was changed or replaced" in said["detail"]

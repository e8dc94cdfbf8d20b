"""Deleted projects come back as they were, or are deleted from the disk with what only they used."""

from pathlib import Path

from tests.studio.house import API, House
from tests.studio.taking import bring
from tests.studio.test_uploads import upload


def delete(house: House, project: str) -> None:
    answer = house.client.delete(f"{API}/projects/{project}", headers={"If-Match": "*"})
    assert answer.status_code == 204, answer.text


def empty(house: House) -> dict[str, int]:
    answer = house.client.delete(f"{API}/deleted")
    assert answer.status_code == 200, answer.text
    found: dict[str, int] = answer.json()
    return found


def test_a_project_comes_back_as_it_was(house: House, project: str, footage: Path) -> None:
    take = bring(house, project, footage / "hat")
    before = house.layers(project, [{"take": take, "opacity": 0.5}])
    delete(house, project)
    house.get(f"/projects/{project}", 404)
    house.get(f"/takes/{take}", 404)
    (one,) = house.get("/deleted")
    assert (one["id"], one["name"], one["updated"]) == (project, before["name"], before["updated"])
    assert one["bytes"] > sum(file.stat().st_size for file in (footage / "hat").iterdir())
    assert house.post(f"/deleted/{project}/restore", status=200) == before
    assert house.get(f"/projects/{project}") == before and house.get("/deleted") == []
    assert house.client.get(f"{API}/projects/{project}/frames/3").status_code == 200
    house.post(f"/deleted/{project}/restore", status=404)


def test_what_only_deleted_projects_used_is_deleted(house: House, project: str, clip: str, footage: Path) -> None:
    held = house.get(f"/clips/{clip}")
    sent = upload(house, (footage / "bikes.mp4").read_bytes(), "bikes.mp4")
    own = house.post("/clips", {"upload": sent})["id"]
    lone = house.post("/projects", {"clip": own})["id"]
    other = house.post("/projects", {"clip": clip})["id"]
    for gone in (lone, other):
        delete(house, gone)
    said = empty(house)
    assert said["deleted"] == 2 and said["bytes"] >= (footage / "bikes.mp4").stat().st_size
    assert empty(house) == {"deleted": 0, "bytes": 0} and house.get("/deleted") == []
    house.get(f"/clips/{own}", 404)
    assert house.get(f"/clips/{clip}") == held, "another project uses it"
    assert not any(
        (house.studio.workspace / part / gone).exists() for part in ("bin", "projects") for gone in (lone, other)
    )
    assert (footage / "bikes.mp4").is_file()
    house.post(f"/deleted/{lone}/restore", status=404)
    house.work("proxy")  # of the clip that is gone: cancelled


def test_what_a_killed_server_left_is_deleted(house: House, project: str) -> None:
    delete(house, project)
    (house.studio.workspace / "bin" / project / "studio.json").unlink()
    assert house.get("/deleted") == []
    assert empty(house)["deleted"] == 0
    assert not (house.studio.workspace / "bin" / project).exists()

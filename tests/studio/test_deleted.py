"""Deleted projects come back as they were, or are deleted from the disk with what only they used."""

import json
from pathlib import Path

import pytest
from tests.studio.house import API, House
from tests.studio.taking import bring
from tests.studio.test_uploads import upload

from vera.jobs.results import with_results
from vera.jobs.work import CancelledError
from vera.service.errors import MissingError
from vera.studio.bringing import bring_layers


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


@pytest.mark.faults
def test_a_job_that_begins_again_does_not_keep_a_project_from_coming_back(house: House, project: str) -> None:
    master = house.post(f"/projects/{project}/results", {}, 202)
    delete(house, project)
    house.post(f"/jobs/{master['id']}/retry", status=200)
    (job,) = house.work("composite")
    assert (job.state, job.error) == ("failed", "what it belongs to is no longer in the workspace")
    assert not (house.studio.workspace / "projects" / project).exists()
    (house.studio.workspace / "projects" / project / "exports").mkdir(parents=True)  # as older versions did
    assert house.post(f"/deleted/{project}/restore", status=200)["id"] == project


@pytest.mark.faults
def test_a_job_that_ends_while_its_project_is_in_the_bin_leaves_nothing(house: House, project: str) -> None:
    def run(folder: Path) -> dict[str, str]:
        (folder / "half").write_text("half", encoding="utf-8")
        delete(house, project)
        raise CancelledError

    with pytest.raises(CancelledError):
        with_results(house.studio.workspace, "job", f"projects/{project}/takes/take", run)
    house.post(f"/deleted/{project}/restore", status=200)
    assert not [path for path in house.studio.workspace.rglob("*") if "partial" in path.name or path.name == "half"]


@pytest.mark.faults
def test_what_is_brought_into_a_project_that_is_deleted_meanwhile_leaves_nothing(
    house: House, project: str, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = type(house.studio.drawing).call

    def deleting(*arguments: object) -> object:
        said = call(*arguments)  # type: ignore[arg-type]
        if (house.studio.workspace / "projects" / project).exists():
            delete(house, project)
        return said

    monkeypatch.setattr(type(house.studio.drawing), "call", deleting)
    with pytest.raises(MissingError):
        bring_layers(house.studio, project, footage / "hat")
    assert not (house.studio.workspace / "projects" / project).exists()
    assert empty(house)["deleted"] == 1


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


@pytest.mark.faults
def test_what_was_sent_to_be_layerized_goes_with_the_last_take_that_uses_it(
    house: House, clip: str, footage: Path
) -> None:
    data = (footage / "bikes.mp4").read_bytes()
    first, second = (house.post("/projects", {"clip": clip})["id"] for _ in range(2))
    house.post(f"/projects/{first}/layerize", {"upload": upload(house, data, "edited.mp4")})
    (edited,) = {one["id"] for one in house.get("/clips")} - {clip}
    waits = house.post(f"/projects/{second}/layerize", {"clip": edited})["id"]
    delete(house, first)
    assert empty(house)["deleted"] == 1
    house.get(f"/clips/{edited}")  # the second project's take is made from it
    house.client.delete(f"{API}/takes/{waits}")
    assert house.client.delete(f"{API}/projects/{second}/bin").json()["bytes"] >= len(data)
    house.get(f"/clips/{edited}", 404)
    house.get(f"/clips/{clip}")
    house.work()


def test_a_record_that_names_a_path_deletes_nothing_there(house: House, project: str, tmp_path: Path) -> None:
    (tmp_path / "clip.json").write_text('{"path": "x", "name": "x", "job": null}')
    delete(house, project)
    record = house.studio.workspace / "bin" / project / "studio.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"clip": str(tmp_path)}))
    assert empty(house)["deleted"] == 1
    assert (tmp_path / "clip.json").is_file()


@pytest.mark.parametrize("record", [None, "", "[]", "{}", '{"name": [], "clip": {}}'])
def test_what_is_left_of_a_project_is_deleted(house: House, project: str, record: str | None) -> None:
    """By a server that was killed, or by hand."""
    delete(house, project)
    path = house.studio.workspace / "bin" / project / "studio.json"
    path.unlink() if record is None else path.write_text(record)
    assert house.get("/deleted") == []
    assert empty(house)["deleted"] == 0
    assert not path.parent.exists()

"""A full disk: told as such, and what was there stays whole."""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.color.test_transform import write_cube
from tests.studio.house import API, House
from tests.studio.taking import bring
from tests.studio.test_bringing import sent
from tests.studio.test_takes import ASKED, png
from tests.studio.test_uploads import upload

import vera.whole


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Begin to refuse what is to be on the disk."""

    def begin() -> None:
        def refuse(path: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

        monkeypatch.setattr(vera.whole, "sync", refuse)

    yield begin


def contents(folder: Path) -> dict[str, bytes]:
    """All files but the queue's own."""
    files = (path for path in folder.rglob("*") if path.is_file() and "jobs.sqlite" not in path.name)
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.faults
def test_nothing_is_half_written(house: House, project: str, clip: str, footage: Path, full: Any) -> None:
    take = bring(house, project, footage / "hat")
    house.layers(project, [{"take": take}])
    tag, before = house.tag(project), contents(house.studio.workspace)
    full()
    body = {"layers": [{"take": take, "opacity": 0.5}], "name": "other"}
    assert "disk is full" in house.patch(f"/projects/{project}", body, tag, 507)["detail"]
    assert "disk is full" in house.post(f"/projects/{project}/takes", ASKED, 507)["detail"]
    assert house.client.delete(f"{API}/takes/{take}").status_code == 507
    house.post(f"/projects/{project}/results", {}, 507)
    headers = {"Content-Type": "image/png"}
    assert house.client.post(f"{API}/projects/{project}/masks", content=png(), headers=headers).status_code == 507
    assert contents(house.studio.workspace) == before
    assert house.tag(project) == tag and not house.get(f"/takes/{take}")["binned"]
    assert not [job for job in house.studio.jobs.jobs() if job.state == "queued"]


@pytest.mark.faults
def test_a_new_project_on_a_full_disk_is_none(house: House, clip: str, full: Any) -> None:
    projects = house.get("/projects")
    full()
    house.post("/projects", {"clip": clip}, 507)
    assert house.get("/projects") == projects


@pytest.mark.faults
def test_an_upload_outlives_a_full_disk(
    house: House, footage: Path, full: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = upload(house, (footage / "bikes.mp4").read_bytes(), "bikes.mp4")
    before = contents(house.studio.workspace)
    full()
    assert "disk is full" in house.post("/clips", {"upload": name}, 507)["detail"]
    assert contents(house.studio.workspace) == before
    monkeypatch.undo()
    assert house.post("/clips", {"upload": name})["frames"] == 8
    assert not (house.studio.uploads.folder / name).exists()
    house.work("proxy")


@pytest.mark.faults
def test_nothing_is_brought_in_or_deleted_on_a_full_disk(
    house: House, project: str, footage: Path, tmp_path: Path, full: Any
) -> None:
    gone = bring(house, project, footage / "hat")
    house.client.delete(f"{API}/takes/{gone}")
    write_cube(tmp_path / "log.cube", 5)
    lut = upload(house, (tmp_path / "log.cube").read_bytes(), "log.cube")
    uploads = sent(house, footage / "hat")
    root = house.get("/about")["roots"][0]["id"]
    before = contents(house.studio.workspace)
    full()
    house.post(f"/projects/{project}/brought", {"root": root, "inside": "hat"}, 507)
    house.post(f"/projects/{project}/brought", {"uploads": uploads}, 507)
    house.post(f"/projects/{project}/luts", {"upload": lut}, 507)
    assert house.client.delete(f"{API}/projects/{project}/bin").status_code == 507
    assert contents(house.studio.workspace) == before
    assert not [job for job in house.studio.jobs.jobs() if job.state == "queued"]

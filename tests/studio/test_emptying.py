"""Emptying the bin: what is in it is gone from the disk, what is used stays, and what a killed server left goes too."""

from pathlib import Path

import pytest
from tests.studio.house import API, House
from tests.studio.taking import bring


def empty(house: House, project: str) -> dict[str, object]:
    answer = house.client.delete(f"{API}/projects/{project}/bin")
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def folders(house: House, project: str) -> set[str]:
    home = house.studio.workspace / "projects" / project
    return {path.name for part in ("takes", "brought") for path in (home / part).iterdir()}


def test_what_is_in_the_bin_is_deleted(house: House, project: str, footage: Path) -> None:
    kept, gone = (bring(house, project, footage / "hat") for _ in range(2))
    house.client.delete(f"{API}/takes/{gone}")
    size = sum(file.stat().st_size for file in (footage / "hat").iterdir())
    said = empty(house, project)
    assert said["deleted"] == 1 and said["kept"] == [] and size < int(str(said["bytes"])) < 2 * size
    assert folders(house, project) == {kept}
    house.get(f"/takes/{gone}", 404)
    house.post(f"/takes/{gone}/restore", status=404)
    assert [take["id"] for take in house.get(f"/projects/{project}/takes")] == [kept]
    assert empty(house, project) == {"deleted": 0, "bytes": 0, "kept": []}


@pytest.mark.faults
def test_layers_that_are_brought_in_lie_on_the_disk_once(house: House, project: str, footage: Path) -> None:
    take, home = bring(house, project, footage / "hat"), house.studio.workspace / "projects" / project
    for name in ("manifest.json", "edit.mkv", "alpha.mkv"):
        assert (home / "takes" / take / name).samefile(home / "brought" / take / name)
        assert not (home / "takes" / take / name).samefile(footage / "hat" / name)


def test_a_layer_stays(house: House, project: str, footage: Path) -> None:
    take = bring(house, project, footage / "hat")
    house.layers(project, [{"take": take}])
    house.client.delete(f"{API}/takes/{take}")
    assert empty(house, project) == {"deleted": 0, "bytes": 0, "kept": [{"take": take, "why": "it is a layer"}]}
    assert house.client.get(f"{API}/projects/{project}/frames/3").status_code == 200


@pytest.mark.faults
@pytest.mark.parametrize("path", ["results", "exports"])
def test_what_a_job_uses_stays_until_it_has_ended(house: House, project: str, footage: Path, path: str) -> None:
    take = bring(house, project, footage / "hat")
    house.layers(project, [{"take": take}])
    house.post(f"/projects/{project}/{path}", {"target": "png"} if path == "exports" else {}, 202)
    house.layers(project, [])
    house.client.delete(f"{API}/takes/{take}")
    (kept,) = empty(house, project)["kept"]  # type: ignore[misc]
    assert kept["take"] == take and "uses it" in kept["why"]
    assert {job.state for job in house.work("composite", "export")} == {"done"}
    assert empty(house, project)["deleted"] == 1


@pytest.mark.faults
def test_a_take_whose_worker_has_not_let_go_stays(house: House, project: str) -> None:
    (take,) = house.post(f"/projects/{project}/takes", {"instruction": "add a hat", "seeds": [1]})
    claim = house.studio.jobs.claim("there", ("edit",))
    assert claim is not None
    assert house.client.delete(f"{API}/takes/{take['id']}").json()["state"] == "running"
    assert [one["take"] for one in empty(house, project)["kept"]] == [take["id"]]  # type: ignore[attr-defined]
    house.studio.jobs.report(claim.job.id, "there", claim.lease, "cancelled", None, None)
    assert empty(house, project)["deleted"] == 1


@pytest.mark.faults
def test_folders_that_nobody_knows_are_deleted_with_the_rest(house: House, project: str, footage: Path) -> None:
    kept = bring(house, project, footage / "hat")
    lost = house.studio.workspace / "projects" / project / "takes" / f"{project}00000000"
    lost.mkdir()
    (lost / "edit.mkv").write_bytes(bytes(5000))
    said = empty(house, project)
    assert said["deleted"] == 0 and int(str(said["bytes"])) >= 5000
    assert folders(house, project) == {kept}

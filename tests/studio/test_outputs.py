"""Results, exports and verification over HTTP: what is promised holds, and what is broken is shown where."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.studio.house import API, House
from tests.studio.taking import bring

from vera.layers.masters import MASTERS
from vera.video import CODECS, open_clip


@pytest.fixture
def laid(house: House, project: str, footage: Path) -> str:
    take = bring(house, project, footage / "hat")
    house.layers(project, [{"take": take, "paint": [{"points": [[60, 4]], "radius": 3}]}])
    return project


def done(house: House, path: str, body: dict[str, Any]) -> dict[str, Any]:
    job = house.post(path, body, 202)
    (ended,) = [each for each in house.work() if each.id == job["id"]]
    assert ended.state == "done", ended.error
    assert ended.result is not None
    return ended.result


def test_a_result_keeps_its_promise_and_is_an_attachment(house: House, laid: str, tmp_path: Path) -> None:
    said = done(house, f"/projects/{laid}/results", {"master": "exact"})
    assert (said["name"], said["master"]) == ("Bikes.mp4", "exact")
    (file,) = house.get(f"/projects/{laid}/files")
    assert (file["id"], file["kind"], file["name"]) == (said["file"], "result", "Bikes.mp4")
    answer = house.client.get(file["url"])
    assert answer.headers["content-disposition"].startswith("attachment") and len(answer.content) == file["bytes"]
    (tmp_path / "got.mp4").write_bytes(answer.content)
    assert open_clip(tmp_path / "got.mp4").frame_count == 8
    told = done(house, f"/projects/{laid}/verify", {})
    assert (told["changed"], told["broken"], told["heat"]) == (0, None, None)
    assert told["by_frame"] == [0] * 8 and 0 < told["preserved"] < told["samples"]
    assert house.get(f"/projects/{laid}")["laid"] == [said["file"]]
    # What changed since is not what was written.
    house.layers(laid, [])
    assert house.get(f"/projects/{laid}")["laid"] == []
    assert done(house, f"/projects/{laid}/verify", {"file": said["file"]})["changed"] == 0
    assert house.client.delete(file["url"]).status_code == 204
    assert house.get(f"/projects/{laid}/files") == []
    assert not list((house.studio.workspace / "projects" / laid).glob("laid-*"))


def test_where_a_delivery_changed_is_shown(house: House, laid: str) -> None:
    done(house, f"/projects/{laid}/results", {"master": "delivery"})
    told = done(house, f"/projects/{laid}/verify", {})
    assert told["changed"] > 0 and sum(told["by_frame"]) == told["changed"] and len(told["by_frame"]) == 8
    with Image.open(io.BytesIO(house.client.get(told["heat"]).content)) as heat:
        assert heat.size == (64, 48) and heat.mode == "L"
        values = np.asarray(heat)
        assert values.max() == 255
        covered = house.client.get(f"{API}/projects/{laid}/frames/3", params={"view": "alpha"})
        matte = np.asarray(Image.open(io.BytesIO(covered.content)).convert("L"))
        assert values[matte == 0].any()


@pytest.mark.faults
def test_a_result_that_is_deleted_before_it_is_verified_is_told(house: House, laid: str) -> None:
    said = done(house, f"/projects/{laid}/results", {})
    house.post(f"/projects/{laid}/verify", {"file": said["file"]}, 202)
    house.client.delete(f"{API}/projects/{laid}/files/{said['file']}")
    (job,) = house.work("verify")
    assert job.error == "the result was deleted meanwhile; write it anew"


def test_an_export_is_one_zip(house: House, laid: str) -> None:
    said = done(house, f"/projects/{laid}/exports", {"target": "png", "start_frame": 5})
    answer = house.client.get(f"{API}/projects/{laid}/files/{said['file']}")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
        assert archive.testzip() is None and said["files"] == len(names)
    assert sum(name.endswith(".png") for name in names) >= 6 and any(name.endswith(".txt") for name in names)
    assert all(not name.startswith("/") and ".." not in name for name in names)


def test_what_the_page_is_told_of_masters_and_targets(house: House) -> None:
    masters = house.get("/masters")
    assert [master["name"] for master in masters] == list(MASTERS)
    assert all(master["title"] and master["promise"] for master in masters)
    for master in masters:
        for codec in master["codecs"]:
            assert CODECS[codec["name"]].lossless == (master["name"] == "exact") and codec["suffixes"]
    from vera.layers.export import TARGETS

    targets = house.get("/targets")
    assert [target["name"] for target in targets] == list(TARGETS)
    assert all(target["steps"] and "{" not in target["steps"] for target in targets)
    about = house.get("/about")
    assert about["models"][0]["name"] == "nano" and about["limits"]["instruction"] == 2000


@pytest.mark.faults
def test_what_cannot_be_written(house: House, laid: str, project: str) -> None:
    house.post(f"/projects/{laid}/results", {"master": "perfect"}, 422)
    assert "no codec" in house.post(f"/projects/{laid}/results", {"codec": "x264"}, 422)["detail"]
    assert "no target" in house.post(f"/projects/{laid}/exports", {"target": "avid"}, 422)["detail"]
    assert "no such result" in house.post(f"/projects/{laid}/verify", {}, 422)["detail"]
    assert "no such result" in house.post(f"/projects/{laid}/verify", {"file": "0" * 16}, 422)["detail"]
    job = house.post(f"/projects/{laid}/results", {"master": "exact", "codec": "h264"}, 202)
    (ended,) = [each for each in house.work() if each.id == job["id"]]
    assert ended.state == "failed" and "lossy" in (ended.error or "")
    assert house.get(f"/projects/{laid}/files") == []
    house.get(f"/projects/{laid}/files/{'0' * 16}", 404)
    house.get(f"/projects/{laid}/checks/{'0' * 16}/heat.png", 404)


@pytest.mark.faults
def test_nothing_to_export(house: House, project: str) -> None:
    assert "no layer" in house.post(f"/projects/{project}/exports", {"target": "png"}, 422)["detail"]

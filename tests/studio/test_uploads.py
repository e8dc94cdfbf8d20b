"""Clips that are uploaded: opened whole, whatever they are called; lies are told and leave nothing."""

import base64
from pathlib import Path

import pytest
from tests.studio.house import API, House

TUS = {"Tus-Resumable": "1.0.0"}
NAMES = [
    "my clip.mp4",
    "../../../etc/cron.d/x.mp4",
    "C:\\Windows\\x.mp4",
    "a[exec touch PWNED].mp4",
    "b};exec touch PWNED;#{.mp4",
    "2026-11-28T10:30:00.mp4",
    "x%0999999999d.mp4",
    "<script>alert(1)</script>.mp4",
    "a\x1b[31m\u202egnp.mp4",
    ".mp4",
    "CON.mp4",
    "x" * 300 + ".mp4",
    "no suffix",
    "лето.MP4",
]


def upload(house: House, data: bytes, name: str) -> str:
    told = base64.b64encode(name.encode()).decode()
    made = house.client.post(
        f"{API}/uploads", headers=TUS | {"Upload-Length": str(len(data)), "Upload-Metadata": f"filename {told}"}
    )
    assert made.status_code == 201, made.text
    if data:
        headers = TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        assert house.client.patch(made.headers["Location"], content=data, headers=headers).status_code == 204
    return made.headers["Location"].rsplit("/", 1)[-1]


@pytest.mark.faults
@pytest.mark.parametrize("name", NAMES)
def test_an_upload_becomes_a_clip_whatever_it_is_called(house: House, footage: Path, name: str) -> None:
    data = (footage / "bikes.mp4").read_bytes()
    before = {path.name for path in house.studio.workspace.iterdir()}
    said = house.post("/clips", {"upload": upload(house, data, name)})
    assert said["frames"] == 8 and "/" not in said["name"] and "\x1b" not in said["name"]
    assert {path.name for path in house.studio.workspace.iterdir()} == before
    house.work("proxy")
    assert house.get(f"/clips/{said['id']}")["proxy"]["state"] == "ready"
    (source,) = (house.studio.workspace / "clips" / said["id"]).glob("source*")
    assert source.read_bytes() == data


@pytest.mark.faults
@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "not a video"),
        (b"#!/bin/sh\necho PWNED\n", ""),
        (b"#EXTM3U\nfile:///etc/passwd\n", "playlist"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", ""),
        (b"", "is empty"),
    ],
)
def test_an_upload_that_lies(house: House, data: bytes, what: str) -> None:
    clips = len(house.get("/clips"))
    name = upload(house, data, "clip.mp4")
    assert what in house.post("/clips", {"upload": name}, 422)["detail"]
    assert len(house.get("/clips")) == clips
    folders = list((house.studio.workspace / "clips").iterdir())
    assert len(folders) == clips


@pytest.mark.faults
def test_an_upload_that_is_not_whole(house: House) -> None:
    made = house.client.post(f"{API}/uploads", headers=TUS | {"Upload-Length": "100"})
    name = made.headers["Location"].rsplit("/", 1)[-1]
    assert "0 of 100 bytes" in house.post("/clips", {"upload": name}, 409)["detail"]


def test_layers_of_an_edit_that_is_uploaded(house: House, project: str, footage: Path) -> None:
    name = upload(house, (footage / "bikes.mp4").read_bytes(), "edited.mp4")
    take = house.post(f"/projects/{project}/layerize", {"upload": name})
    assert take["settings"] == {"edited": "edited.mp4"}
    (job,) = [job for job in house.work() if job.id == take["job"]]
    assert job.state in ("done", "failed") and (job.state == "done" or job.error)

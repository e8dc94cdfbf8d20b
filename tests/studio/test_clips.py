"""Clips over HTTP: what is said of them, their proxies, and what cannot be opened."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.clips import make_clip as new_clip
from tests.studio.house import API, House
from tests.video.test_sequence import pngs

from vera.jobs.job import Job
from vera.video import open_clip


def test_a_clip_is_described_and_gets_its_proxy(house: House, clip: str, footage: Path) -> None:
    said = house.get(f"/clips/{clip}")
    info = open_clip(footage / "bikes.mp4")
    assert (said["width"], said["height"], said["frames"]) == (64, 48, 8)
    assert said["times"] == [float((pts - info.pts[0]) * info.time_base) for pts in info.pts]
    assert said["audio"].startswith("aac") and said["name"] == "bikes.mp4" and said["depth"] == 8
    assert said["proxy"] | {"job": 0} == {
        "state": "ready",
        "width": 64,
        "height": 48,
        "frames": 8,
        "job": 0,
        "error": None,
    }
    for name, kind in (("proxy", "video/mp4"), ("thumbnails", "image/jpeg"), ("peaks", "application/json")):
        answer = house.client.get(said["media"][name])
        assert answer.status_code == 200 and answer.headers["content-type"] == kind
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert said["media"]["thumbnail_count"] == 8
    part = house.client.get(said["media"]["proxy"], headers={"Range": "bytes=0-9"})
    assert part.status_code == 206 and len(part.content) == 10
    assert clip in [each["id"] for each in house.get("/clips")]


def test_a_proxy_of_half_the_size_is_named_where_there_is_one(house: House, clip: str) -> None:
    assert house.get(f"/clips/{clip}")["media"]["small"] is None
    assert house.client.get(f"{API}/clips/{clip}/small.mp4").status_code == 404
    (house.studio.workspace / "clips" / clip / "proxy" / "small.mp4").write_bytes(b"small")
    answer = house.client.get(house.get(f"/clips/{clip}")["media"]["small"])
    assert (answer.content, answer.headers["content-type"]) == (b"small", "video/mp4")


@pytest.mark.faults
def test_a_worker_that_is_quick_finds_the_clip(house: House, footage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its job is done the moment it is submitted."""
    path = new_clip(footage / "quick.mp4", 3, (64, 48))
    submit = house.studio.jobs.submit

    def begun(*args: Any, **options: Any) -> Job:
        job = submit(*args, **options)
        assert [done.state for done in house.work("proxy") if done.id == job.id] == ["done"]
        return job

    monkeypatch.setattr(house.studio.jobs, "submit", begun)
    root = house.get("/about")["roots"][0]["id"]
    assert house.post("/clips", {"root": root, "inside": "quick.mp4"})["proxy"]["state"] == "ready"
    path.unlink()


def test_the_same_file_is_the_same_clip(house: House, clip: str) -> None:
    root = house.get("/about")["roots"][0]["id"]
    assert house.post("/clips", {"root": root, "inside": "bikes.mp4"})["id"] == clip


@pytest.mark.faults
def test_a_clip_whose_job_is_gone_is_given_one_when_it_is_opened_again(house: House, footage: Path) -> None:
    path = new_clip(footage / "again.mp4", 3, (64, 48))
    root = house.get("/about")["roots"][0]["id"]
    clip = house.post("/clips", {"root": root, "inside": "again.mp4"})["id"]
    record = house.studio.workspace / "clips" / clip / "clip.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"job": None}), encoding="utf-8")
    assert house.get(f"/clips/{clip}")["proxy"]["state"] == "failed"
    assert house.post("/clips", {"root": root, "inside": "again.mp4"})["proxy"]["state"] == "queued"
    house.work("proxy")
    assert house.get(f"/clips/{clip}")["proxy"]["state"] == "ready"
    path.unlink()


def test_a_sequence_is_opened_at_its_rate(house: House, footage: Path) -> None:
    root = house.get("/about")["roots"][0]["id"]
    pngs(footage / "slow", range(4))
    asked = {"root": root, "inside": "slow"}
    one, other = (house.post("/clips", asked | {"rate": rate}) for rate in ("12.5", "24000/1001"))
    assert one["rate"] == 12.5 and other["times"][1] == pytest.approx(1001 / 24000) and one["id"] != other["id"]
    assert house.post("/clips", asked | {"rate": "12.5"})["id"] == one["id"]
    assert house.post("/clips", asked)["rate"] == 24
    assert {job.state for job in house.work("proxy")} == {"done"}
    for rate in ("0", "-1", "x", "1e9", "9" * 200):
        assert "rate" in house.post("/clips", asked | {"rate": rate}, 422)["detail"]
    shutil.rmtree(footage / "slow")


def test_entries(house: House, footage: Path) -> None:
    (footage / "shots").mkdir(exist_ok=True)
    for name in ("a.0001.png", "a.0002.png"):
        (footage / "shots" / name).write_bytes(b"x")
    (footage / "out").unlink(missing_ok=True)
    (footage / "out").symlink_to("/etc")
    (footage / ".hidden.mp4").write_bytes(b"x")
    root = house.get("/about")["roots"][0]["id"]
    found = {entry["name"]: entry["kind"] for entry in house.get(f"/roots/{root}/entries")["entries"]}
    assert found == {"bikes.mp4": "clip", "hat": "layers", "shots": "sequence"}
    inside = house.get(f"/roots/{root}/entries", inside="shots")
    assert inside["inside"] == "shots" and inside["entries"] == []


@pytest.mark.faults
@pytest.mark.parametrize(
    ("inside", "status"),
    [("../", 422), ("out/passwd", 422), ("/etc/passwd", 422), ("C:\\x", 422), ("a\0b", 422), ("none.mp4", 404)],
)
def test_nothing_outside_of_a_root_is_opened(house: House, footage: Path, inside: str, status: int) -> None:
    if not (footage / "out").is_symlink():
        (footage / "out").symlink_to("/etc")
    root = house.get("/about")["roots"][0]["id"]
    assert house.post("/clips", {"root": root, "inside": inside}, status)["detail"]
    house.get(f"/roots/{root}/entries", status, inside=inside)


@pytest.mark.faults
@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("lie.mp4", b"\x89PNG\r\n\x1a\n" + bytes(100), "not a video"),
        ("empty.mp4", b"", "is empty"),
        ("text.mov", b"hello " * 100, ""),
        ("list.mp4", b"ffconcat version 1.0\nfile bikes.mp4\n", "playlist"),
        ("list.ts", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "playlist"),
    ],
)
def test_what_is_no_clip_is_said(house: House, footage: Path, name: str, data: bytes, what: str) -> None:
    path = footage / name
    path.write_bytes(data)
    root = house.get("/about")["roots"][0]["id"]
    before = len(house.get("/clips"))
    assert what in house.post("/clips", {"root": root, "inside": name}, 422)["detail"]
    assert len(house.get("/clips")) == before
    path.unlink()


@pytest.mark.faults
def test_pictures_that_are_too_large_are_not_decoded(house: House, footage: Path) -> None:
    path = new_clip(footage / "wide.mkv", 2, (16400, 16), codec="ffv1")
    root = house.get("/about")["roots"][0]["id"]
    said = house.post("/clips", {"root": root, "inside": "wide.mkv"}, 422)["detail"]
    assert said == "wide.mkv: is 16400x16; a side has at most 16,384 pixels"
    path.unlink()


def test_the_colours_are_named(house: House, clip: str) -> None:
    assert house.get(f"/clips/{clip}")["color"] == "BT.601 assumed, limited"


@pytest.mark.faults
def test_a_request_names_exactly_one_clip(house: House) -> None:
    root = house.get("/about")["roots"][0]["id"]
    for body in ({}, {"demo": True, "root": root}, {"root": root, "upload": "0" * 32}):
        assert "one of them" in house.post("/clips", body, 422)["detail"]
    house.post("/clips", {"upload": "0" * 32}, 404)
    house.post("/clips", {"root": "0" * 16, "inside": "x"}, 404)
    house.post("/clips", {"root": root, "inside": 3}, 422)
    house.post("/clips", {"path": "/etc/passwd"}, 422)


def test_unknown_ids(house: House) -> None:
    for path in ("/clips/{}", "/clips/{}/proxy.mp4", "/clips/{}/peaks", "/projects/{}", "/projects/{}/takes"):
        assert house.client.get(API + path.format("0" * 16)).status_code == 404
        assert house.client.get(API + path.format("..")).status_code in (404, 422)

"""Takes over HTTP: a job for each seed, the bin, masks, layers of somebody's edit, and what cannot be asked for."""

import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.clips import make_clip as new_clip
from tests.studio.house import API, House, client_of
from tests.studio.taking import bring

from vera.layers import composite_clip, load_layers, save_layers
from vera.layers.source_match import describe_source
from vera.studio.bringing import bring_layers
from vera.video import open_clip

ASKED = {"instruction": "add a red balloon", "seeds": [4, 5]}


def png(size: tuple[int, int] = (64, 48), white: bool = True, turned: int = 1) -> bytes:
    """Stored at a size, to be turned as Exif numbers it."""
    data, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = turned
    Image.fromarray(np.full(size[::-1], 255 * white, np.uint8)).save(data, "PNG", exif=exif)
    return data.getvalue()


def send_mask(house: House, project: str, data: bytes, kind: str = "image/png") -> Any:
    return house.client.post(f"{API}/projects/{project}/masks", content=data, headers={"Content-Type": kind})


def test_a_take_is_a_job_for_each_seed(house: House, project: str, clip: str) -> None:
    made = house.post(f"/projects/{project}/takes", ASKED | {"steps": 2, "start": 1, "frames": 5})
    assert [take["seed"] for take in made] == [4, 5]
    for take in made:
        assert (take["state"], take["media"], take["frames"], take["kind"]) == ("queued", None, None, "edit")
        job = house.get(f"/jobs/{take['job']}")
        assert job["kind"] == "edit" and job["spec"]["clip"] == clip and job["spec"]["seed"] == take["seed"]
        assert job["spec"]["out"] == f"projects/{project}/takes/{take['id']}"
        assert (take["first"], take["count"]) == (1, 5)
    assert [take["id"] for take in house.get(f"/projects/{project}/takes")] == [take["id"] for take in reversed(made)]
    binned = house.client.delete(f"{API}/takes/{made[0]['id']}").json()
    assert binned["binned"] and binned["state"] == "cancelled"
    assert not house.post(f"/takes/{made[0]['id']}/restore", status=200)["binned"]
    house.client.delete(f"{API}/takes/{made[1]['id']}")


def test_a_waiting_take_is_changed_only_within_what_a_take_is_asked_for(house: House, project: str) -> None:
    (take,) = house.post(f"/projects/{project}/takes", ASKED | {"seeds": [1]})
    spec = house.get(f"/jobs/{take['job']}")["spec"]
    changed = house.patch(f"/jobs/{take['job']}", {"spec": spec | {"instruction": "add a hat", "seed": 9, "steps": 3}})
    assert changed["spec"] == spec | {"instruction": "add a hat", "seed": 9, "steps": 3}
    said = house.get(f"/takes/{take['id']}")
    assert (said["instruction"], said["seed"], said["settings"]["steps"]) == ("add a hat", 9, 3)
    for wrong in (
        {"out": "projects/x"},
        {"clip": "0" * 16},
        {"model": "evil/model"},
        {"model": "/tmp/model"},
        {"steps": 10**6},
        {"start": 99},
        {"instruction": ""},
        {"mask": "../../x"},
        {"new": 1},
    ):
        assert house.patch(f"/jobs/{take['job']}", {"spec": spec | wrong}, status=422)["detail"]
    house.patch(f"/jobs/{take['job']}", {"cancel": True})


def test_loras_are_those_that_were_named_at_the_start(house: House, project: str) -> None:
    named = replace(house.studio, loras=("nano-8-steps", "/looks/film.safetensors"))
    client = client_of(named)
    assert client.get(f"{API}/about").json()["loras"][1] == {
        "name": "/looks/film.safetensors",
        "title": "film.safetensors",
    }
    lora = [{"name": "nano-8-steps"}, {"name": "/looks/film.safetensors", "scale": -0.5}]
    answer = client.post(f"{API}/projects/{project}/takes", json=ASKED | {"seeds": [1], "lora": lora})
    assert answer.status_code == 201, answer.text
    (take,) = answer.json()
    assert [one["scale"] for one in take["settings"]["lora"]] == [1, -0.5]
    assert house.get(f"/jobs/{take['job']}")["spec"]["lora"] == take["settings"]["lora"]
    house.client.delete(f"{API}/takes/{take['id']}")
    for wrong, what in (
        ([{"name": "evil/lora"}], "none of this studio's"),
        ([{"name": "../x.safetensors"}], "none of this studio's"),
        ([{"name": "nano-8-steps", "scale": 101}], "lora"),
        ([{"name": "nano-8-steps"}] * 9, "lora"),
    ):
        refused = client.post(f"{API}/projects/{project}/takes", json=ASKED | {"lora": wrong})
        assert refused.status_code == 422 and what in refused.json()["detail"]


@pytest.mark.faults
@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"instruction": ""}, "instruction"),
        ({"instruction": "  "}, "is empty"),
        ({"instruction": "x" * 2001}, "instruction"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [-1]}, "seeds"),
        ({"seeds": [2**63]}, "seeds"),
        ({"seeds": list(range(17))}, "seeds"),
        ({"model": "someone/else"}, "none of this studio's"),
        ({"model": "../nano"}, "none of this studio's"),
        ({"steps": 0}, "steps"),
        ({"guidance": -1}, "guidance"),
        ({"start": 8}, "the clip has 0 to 7"),
        ({"start": 3, "frames": 6}, "the clip has 0 to 7"),
        ({"region": [0, 0, 65, 10]}, "beyond the picture"),
        ({"region": [0, 0, 0, 10]}, "region"),
        ({"mask": "0" * 16}, "no such mask"),
        ({"lora": "x"}, "lora"),
        ({"lora": [{"name": "nano-8-steps"}]}, "none: name it by --lora"),
        ({"lut": "0" * 16}, "lut"),
    ],
)
def test_what_cannot_be_generated(house: House, project: str, asked: dict[str, Any], what: str) -> None:
    status = 404 if "mask" in asked else 422
    assert what in house.post(f"/projects/{project}/takes", ASKED | asked, status)["detail"]
    assert house.get(f"/projects/{project}/takes") == []


def test_a_layer_in_the_bin_is_still_laid(house: House, project: str, footage: Path) -> None:
    take = bring(house, project, footage / "hat")
    house.layers(project, [{"take": take}])
    assert house.client.delete(f"{API}/takes/{take}").json()["binned"]
    assert house.get(f"/projects/{project}")["layers"][0]["take"] == take
    assert house.client.get(f"{API}/projects/{project}/frames/3").status_code == 200


def test_a_brought_take_says_how_it_was_made(house: House, project: str, footage: Path) -> None:
    said = house.get(f"/takes/{bring(house, project, footage / 'hat')}")
    assert (said["instruction"], said["seed"], said["kind"], said["state"]) == ("add a hat", 3, "brought", "done")
    assert said["frames"] == [1, 2, 3, 4, 5, 6] and (said["width"], said["height"]) == (64, 48)
    for url, kind in (
        (said["media"]["edit"], "video/mp4"),
        (said["media"]["alpha"], "video/webm"),
        (said["manifest"], "application/json"),
    ):
        answer = house.client.get(url)
        assert answer.status_code == 200 and answer.headers["content-type"] == kind


def test_proxies_of_half_the_size_are_named_where_there_are_some(house: House, project: str, footage: Path) -> None:
    take = bring(house, project, footage / "hat")
    assert house.get(f"/takes/{take}")["media"]["small"] is None
    folder = house.studio.workspace / "projects" / project / "takes" / take
    for name in ("small_edit.mp4", "small_alpha.webm"):
        assert house.client.get(f"{API}/takes/{take}/{name}").status_code == 404
        (folder / name).write_text(name)
    small = house.get(f"/takes/{take}")["media"]["small"]
    found = {name: house.client.get(url).text for name, url in small.items()}
    assert found == {"edit": "small_edit.mp4", "alpha": "small_alpha.webm"}


@pytest.mark.faults
def test_layers_of_another_clip_are_refused(house: House, project: str, footage: Path, tmp_path: Path) -> None:
    other = open_clip(new_clip(tmp_path / "other.mp4", 8, (64, 48), options={"crf": "40"}))
    edit = load_layers(footage / "hat")
    save_layers(replace(edit, metadata={"source": describe_source(other)}), tmp_path / "hat")
    take = bring_layers(house.studio, project, tmp_path / "hat").id
    (job,) = house.work("take_proxy")
    assert job.state == "failed" and "is not the clip that the layers were made for" in (job.error or "")
    said = house.get(f"/takes/{take}")
    assert said["state"] == "failed" and said["error"] == job.error
    house.patch(f"/projects/{project}", {"layers": [{"take": take}]}, house.tag(project), 422)


def test_layers_of_somebodys_edit(house: House, project: str, footage: Path, tmp_path: Path) -> None:
    edited = footage / "edited.mkv"
    composite_clip(footage / "bikes.mp4", load_layers(footage / "hat"), edited)
    root = house.get("/about")["roots"][0]["id"]
    other = house.post("/clips", {"root": root, "inside": "edited.mkv"})["id"]
    take = house.post(f"/projects/{project}/layerize", {"clip": other})
    assert take["kind"] == "layerize" and take["settings"] == {"edited": "edited.mkv"}
    done = [job for job in house.work("layerize") if job.id == take["job"]]
    assert done[0].state == "done", done[0].error
    assert house.get(f"/takes/{take['id']}")["state"] == "done"
    house.post(f"/projects/{project}/layerize", {}, 422)
    house.post(f"/projects/{project}/layerize", {"clip": other, "upload": "0" * 32}, 422)
    edited.unlink()


def test_a_mask_is_kept(house: House, project: str) -> None:
    answer = send_mask(house, project, png())
    assert answer.status_code == 201
    mask = answer.json()["mask"]
    (take,) = house.post(f"/projects/{project}/takes", ASKED | {"seeds": [1], "mask": mask})
    assert take["settings"]["mask"] == mask
    house.client.delete(f"{API}/takes/{take['id']}")


def bomb(width: int, height: int) -> bytes:
    """A PNG whose few bytes claim, and unpack to, that many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.faults
@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "not a PNG"),
        (b"GIF89a" + bytes(50), "not a PNG"),
        (b"<svg onload=alert(1)>" + bytes(50), "not a PNG"),
        (png((63, 48)), "is 63x48, the clip 64x48"),
        (png((64, 48), turned=6), "is 48x64, the clip 64x48"),
        (png((48, 64)), "is 48x64, the clip 64x48"),
        (bomb(20000, 20000), "is 20000x20000"),
        (png()[:40], "is not a picture"),
        (png(white=False), "nothing in the mask is white"),
        (png()[:33] + bytes(60), "is not a picture"),
    ],
)
def test_what_is_no_mask(house: House, project: str, data: bytes, what: str) -> None:
    answer = send_mask(house, project, data)
    assert answer.status_code == 422 and what in answer.json()["detail"]
    masks = house.studio.workspace / "projects" / project / "masks"
    assert not list(masks.rglob("*.png")) and not list(masks.rglob(".*"))


@pytest.mark.faults
@pytest.mark.parametrize(("size", "turned"), [((48, 64), 6), ((48, 64), 8), ((64, 48), 3)])
def test_a_mask_is_of_the_size_that_it_is_shown_at(
    house: House, project: str, size: tuple[int, int], turned: int
) -> None:
    assert send_mask(house, project, png(size, turned=turned)).status_code == 201


@pytest.mark.faults
def test_masks_of_other_types(house: House, project: str) -> None:
    for kind in ("text/html", "application/x-www-form-urlencoded", "image/svg+xml"):
        assert send_mask(house, project, png(), kind).status_code == 415


@pytest.mark.faults
def test_a_clip_that_vanished(house: House, footage: Path, tmp_path: Path) -> None:
    path = new_clip(footage / "gone.mp4", 4, (64, 48))
    root = house.get("/about")["roots"][0]["id"]
    clip = house.post("/clips", {"root": root, "inside": "gone.mp4"})["id"]
    project = house.post("/projects", {"clip": clip})["id"]
    (take,) = house.post(f"/projects/{project}/takes", ASKED | {"seeds": [1]})
    house.client.get(f"{API}/projects/{project}/frames/1")
    path.unlink()
    assert any("no longer where it was" in note for note in house.get(f"/clips/{clip}")["notes"])
    assert "no longer where it was" in house.get(f"/projects/{project}/frames/1", 422)["detail"]
    jobs = [job for job in house.work("proxy", "edit") if job.spec["clip"] == clip]
    assert (
        len(jobs) == 2
        and {job.state for job in jobs} == {"failed"}
        and all("no longer where" in (job.error or "") for job in jobs)
    )
    assert house.get(f"/takes/{take['id']}")["state"] == "failed"
    assert house.get(f"/clips/{clip}")["proxy"]["state"] == "failed"
    new_clip(path, 5, (64, 48))
    assert "was changed or replaced" in house.get(f"/projects/{project}/frames/1", 422)["detail"]
    path.unlink()

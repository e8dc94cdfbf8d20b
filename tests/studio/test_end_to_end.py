"""`vera studio` from beginning to end, without a browser: what a page does, over HTTP."""

import io
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from tests.clips import make_clip as new_clip
from tests.studio.serving import Served, environment, served, wait_for

from vera.cli import main
from vera.video import model_view, open_clip

ASKED = {"instruction": "Add a huge red balloon on the right", "seeds": [0], "steps": 2, "frames": 5}


def ready_proxy(studio: Served, clip: str) -> dict[str, object] | None:
    said = studio.ask("GET", f"/clips/{clip}")
    assert said["proxy"]["state"] != "failed", said["proxy"]["error"]
    return said if said["media"] else None


@pytest.mark.slow
def test_from_a_clip_to_an_export(tmp_path: Path) -> None:
    source = new_clip(tmp_path / "bikes.mp4", 9, (160, 96), audio=True)
    with served(source, folder=tmp_path) as studio:
        opened = studio.ask("GET", "/about")["open"]
        project = opened["project"]
        media = wait_for(lambda: ready_proxy(studio, opened["clip"]))["media"]
        assert studio.client.get(media["proxy"], headers={"Range": "bytes=0-99"}).status_code == 206

        (take,) = studio.ask("POST", f"/projects/{project}/takes", ASKED)
        job = studio.wait(take["job"])
        assert job["state"] == "done" and job["previews"] == 2, job["error"]
        for layer in ("edit", "alpha", "composite"):
            picture = studio.client.get(f"/api/v1/jobs/{job['id']}/previews/2/{layer}.jpg")
            Image.open(io.BytesIO(picture.content)).verify()
        take = studio.ask("GET", f"/takes/{take['id']}")
        assert take["frames"] == [0, 1, 2, 3, 4] and take["notices"]
        assert studio.client.get(take["media"]["alpha"]).status_code == 200

        tag = studio.client.get(f"/api/v1/projects/{project}").headers["ETag"]
        stroke = {"points": [[20, 20], [60, 40]], "radius": 12, "softness": 0.5}
        layers = [{"take": take["id"], "opacity": 0.8, "paint": [stroke]}]
        studio.ask("PATCH", f"/projects/{project}", {"layers": layers}, **{"If-Match": tag})

        result = studio.wait(studio.ask("POST", f"/projects/{project}/results", {"master": "exact"})["id"])
        assert result["state"] == "done", result["error"]
        told = studio.wait(studio.ask("POST", f"/projects/{project}/verify", {})["id"])["result"]
        assert told["changed"] == 0 and told["broken"] is None and told["preserved"] > 0

        files = {file["id"]: file for file in studio.ask("GET", f"/projects/{project}/files")}
        written = tmp_path / "result.mp4"
        written.write_bytes(studio.client.get(files[result["result"]["file"]]["url"]).content)
        by_hand = tmp_path / "by-hand.mp4"
        path = tmp_path / "vera-studio" / "projects" / project / "project.json"
        assert main(["composite", str(source), str(path), "--out", str(by_hand)]) == 0
        assert written.read_bytes() == by_hand.read_bytes()
        with open_clip(written).frames() as reader:
            for number, frame in enumerate(reader):
                exact = studio.client.get(f"/api/v1/projects/{project}/frames/{number}")
                shown = np.asarray(Image.open(io.BytesIO(exact.content)))
                assert np.array_equal(shown, model_view(frame, 160, 96)), number

        export = studio.wait(studio.ask("POST", f"/projects/{project}/exports", {"target": "png"})["id"])
        assert export["state"] == "done", export["error"]
        data = studio.client.get(f"/api/v1/projects/{project}/files/{export['result']['file']}").content
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            picture = next(name for name in archive.namelist() if name.endswith(".png"))
            assert Image.open(io.BytesIO(archive.read(picture))).size == (160, 96)


@pytest.mark.slow
@pytest.mark.faults
def test_a_worker_that_is_killed_and_a_server_that_is(tmp_path: Path) -> None:
    """The take comes about once, whole; what a killed server leaves is gone on with by the next one."""
    source = new_clip(tmp_path / "bikes.mp4", 9, (160, 96))
    with served(source, folder=tmp_path) as studio:
        project = studio.ask("GET", "/about")["open"]["project"]
        (take,) = studio.ask("POST", f"/projects/{project}/takes", ASKED)
        wait_for(lambda: studio.ask("GET", f"/jobs/{take['job']}")["state"] == "running")
        runner = wait_for(lambda: _child(studio.process.pid, "vera.jobs.runner"))
        os.kill(runner, signal.SIGKILL)
        wait_for(lambda: studio.ask("GET", f"/jobs/{take['job']}")["attempts"] == 2)
        studio.process.kill()
        studio.process.wait()
    with served(source, folder=tmp_path) as studio:
        job = studio.wait(take["job"])
        assert job["state"] == "done", job["error"]
        assert studio.ask("GET", f"/takes/{take['id']}")["state"] == "done"
    folder = tmp_path / "vera-studio"
    assert not [path for path in folder.rglob("*") if "vera-partial" in path.name]


@pytest.mark.slow
def test_a_server_imports_neither_torch_nor_opencv_before_it_must(tmp_path: Path) -> None:
    source = new_clip(tmp_path / "bikes.mp4", 9, (160, 96))
    code = (
        "import sys, threading\n"
        "from vera.cli import main\n"
        "import vera.service.run as run\n"
        "def serve(app, *rest, **more):\n"
        "    print(sorted({'torch', 'cv2', 'av', 'diffusers'} & set(sys.modules)))\n"
        "run.serve = serve\n"
        f"main(['studio', {str(source)!r}, '--no-browser'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def _child(pid: int, name: str) -> int | None:
    children = psutil.Process(pid).children(recursive=True)
    return next((child.pid for child in children if any(name in word for word in child.cmdline())), None)

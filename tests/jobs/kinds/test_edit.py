"""The job `edit`: a real take by nano, previews of each step, and a model that stays loaded."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.clips import make_clip as new_clip
from tests.color.test_transform import write_cube
from tests.studio.house import House, open_house

from vera.jobs.kinds import KINDS
from vera.jobs.kinds.edit import _job
from vera.jobs.kinds.inputs import open_job_clip
from vera.jobs.runner import attribute
from vera.jobs.work import Work
from vera.layers import load_layers
from vera.pipelines.footage import draw


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("footage")
    new_clip(folder / "bikes.mp4", 9, (160, 96))
    house: House = open_house(tmp_path_factory.mktemp("workspace"), folder)
    clip = house.post("/clips", {"root": house.get("/about")["roots"][0]["id"], "inside": "bikes.mp4"})["id"]
    project = house.post("/projects", {"clip": clip})["id"]
    asked = {"instruction": "Add a red balloon", "seeds": [1], "steps": 2, "start": 2, "frames": 5}
    (take,) = house.post(f"/projects/{project}/takes", asked)
    house.studio.drawing.close()
    return house.studio.workspace, house.studio.jobs.job(take["job"]).spec


def run(
    workspace: Path, out: Path, spec: dict[str, Any], warm: dict[str, Any]
) -> tuple[dict[str, Any], list[Any], Any]:
    previews: list[Any] = []
    stages: list[str] = []
    out.mkdir()
    work = Work(workspace, out, lambda stage, done, total: stages.append(stage), previews.append, warm)
    return attribute(KINDS["edit"])(spec, work), previews, list(dict.fromkeys(stages))


@pytest.mark.slow
def test_takes_share_a_loaded_model(spec: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, asked = spec
    loaded: list[str] = []
    load = draw.load_model
    monkeypatch.setattr(draw, "load_model", lambda job: (loaded.append(str(job.model)), load(job))[1])
    warm: dict[str, Any] = {}
    first, previews, stages = run(workspace, tmp_path / "one", asked, warm)
    assert [preview.step for preview in previews] == [1, 2] and previews[0].composite is not None
    assert stages[0] == "load" and {"sample", "layers", "preview"} <= set(stages)
    take = json.loads((tmp_path / "one" / "take.json").read_text(encoding="utf-8"))
    assert take["frames"] == [2, 3, 4, 5, 6] and first["frames"] == 5
    assert {path.name for path in (tmp_path / "one").iterdir()} == {
        "alpha.mkv",
        "alpha.webm",
        "edit.mkv",
        "edit.mp4",
        "manifest.json",
        "take.json",
    }
    again = run(workspace, tmp_path / "two", asked, warm)[0]
    assert again == first and len(loaded) == 1
    for name in ("edit.mkv", "alpha.mkv", "edit.mp4", "alpha.webm"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    run(workspace, tmp_path / "three", asked | {"steps": None, "frames": 1}, warm)  # the student, with a LoRA
    run(workspace, tmp_path / "four", asked | {"steps": None, "frames": 1, "seed": 2}, warm)
    assert len(loaded) == 2 and len(warm) == 1
    seeds = [load_layers(tmp_path / name).metadata["seed"] for name in ("three", "four")]
    assert seeds == [1, 2]


def test_what_a_take_is_asked_for_is_what_the_model_is_told(spec: Any, tmp_path: Path) -> None:
    """LoRAs with their scales, which leave no room for a student; the LUT of the project, or a colour space."""
    workspace, asked = spec
    clip = open_job_clip(workspace, asked["clip"])
    work = Work(workspace, tmp_path, lambda *step: None, lambda preview: None)
    lora = [{"name": "nano-8-steps", "scale": 1}, {"name": "/looks/film.safetensors", "scale": -0.5}]
    lut = workspace / "projects" / asked["project"] / "luts" / ("0" * 16)
    lut.mkdir(parents=True)
    write_cube(lut / "my log.cube", 5)
    told = asked | {"lora": lora, "steps": None}
    job = _job(clip, told | {"lut": lut.name}, work)
    assert job.model.lora == ("nano-8-steps:1.000000", "/looks/film.safetensors:-0.500000")
    assert job.transform is not None and job.transform.name == "LUT my log.cube"
    job = _job(clip, told | {"lora": [], "ocio": "ARRI LogC4"}, work)
    assert job.model.lora == ("nano-8-steps",)  # the student's
    assert job.transform is not None and "ARRI LogC4" in job.transform.name
    assert _job(clip, asked, work).transform is None

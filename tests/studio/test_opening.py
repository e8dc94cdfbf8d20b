"""What the command line names: clips, layer folders, projects, and the workspace's own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.studio.house import House, open_house

from vera.cli import main
from vera.errors import VeraError
from vera.layers import Adjustment, save_layers
from vera.layers.folder import load_layers
from vera.layers.paint import Stroke
from vera.layers.stack import ProjectLayer, write_project
from vera.studio.opening import choose_workspace, is_own_project, open_named


@pytest.fixture
def empty(tmp_path: Path, footage: Path) -> Iterator[House]:
    house = open_house(tmp_path / "vera-studio", footage)
    yield house
    house.studio.drawing.close()


def test_a_clip_is_opened_with_a_project(empty: House, footage: Path) -> None:
    first = open_named(empty.studio, footage / "bikes.mp4")
    assert empty.get(f"/projects/{first.project}")["clip"] == first.clip
    assert open_named(empty.studio, footage / "bikes.mp4") == first
    assert len(empty.get("/projects")) == 1
    house = replace(empty.studio, opened=first)
    assert house.opened == first


def test_layers_are_opened_with_their_clip(empty: House, footage: Path) -> None:
    opened = open_named(empty.studio, footage / "hat")
    before = {path: path.stat().st_mtime_ns for path in (footage / "hat").iterdir()}
    frame = f"/projects/{opened.project}/frames/3"
    assert "has no layers yet" in empty.get(frame, 422)["detail"]
    assert empty.client.get(f"/api/v1{frame}?view=source").status_code == 200
    assert [job.state for job in empty.work()] == ["done", "done"]
    said = empty.get(f"/projects/{opened.project}")
    assert said["name"] == "hat" and len(said["layers"]) == 1
    assert empty.get(f"/takes/{said['layers'][0]['take']}")["state"] == "done"
    assert empty.client.get(f"/api/v1/projects/{opened.project}/frames/3").status_code == 200
    assert before == {path: path.stat().st_mtime_ns for path in (footage / "hat").iterdir()}


def test_a_project_is_opened_as_it_is_adjusted(empty: House, footage: Path) -> None:
    path = footage / "project.json"
    adjusted = Adjustment(opacity=0.5, paint=(Stroke(((3, 3),), 2.0),))
    write_project(path, [ProjectLayer(footage / "hat", adjusted), ProjectLayer(footage / "hat", on=False)], True)
    opened = open_named(empty.studio, path)
    empty.work()
    said = empty.get(f"/projects/{opened.project}")
    assert said["strict_chroma"] and [layer["on"] for layer in said["layers"]] == [True, False]
    assert said["layers"][0]["opacity"] == 0.5 and len(said["layers"][0]["paint"]) == 1
    assert len(said["takes"]) == 1  # one folder, laid twice
    own = empty.studio.workspace / "projects" / str(opened.project) / "project.json"
    assert is_own_project(own) and choose_workspace(own) == empty.studio.workspace
    assert open_named(empty.studio, own) == opened
    path.unlink()


def test_workspaces(tmp_path: Path) -> None:
    assert choose_workspace(None) == Path("vera-studio")
    assert choose_workspace(tmp_path / "clip.mp4") == tmp_path / "vera-studio"


@pytest.mark.faults
def test_what_cannot_be_opened(empty: House, footage: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(VeraError, match="no such file"):
        open_named(empty.studio, tmp_path / "none.mp4")
    (tmp_path / "text.json").write_text("{}", encoding="utf-8")
    with pytest.raises(VeraError, match="is not a project"):
        open_named(empty.studio, tmp_path / "text.json")
    (tmp_path / "alone").mkdir()
    save_layers(replace(load_layers(footage / "hat"), metadata={}), tmp_path / "alone" / "hat")
    with pytest.raises(VeraError, match="its source is not beside it"):
        open_named(empty.studio, tmp_path / "alone" / "hat")
    assert empty.get("/projects") == []
    for arguments, what in (
        ([str(tmp_path / "none.mp4")], "no such file"),
        (["--host", "0.0.0.0"], "--token-file"),
        (["--root", str(tmp_path / "none")], "is no folder"),
        (["--workspace", str(tmp_path / "text.json" / "x")], "workspace cannot be made"),
        (["--token-file", str(tmp_path / "none")], "cannot be read"),
        (["worker", "--server", "http://127.0.0.1:1", "--workspace", str(tmp_path), "--token-file", "none"], "read"),
    ):
        where = [] if "--workspace" in arguments else ["--workspace", str(tmp_path / what.replace(" ", "-"))]
        words = arguments if arguments[0] == "worker" else [*arguments, *where, "--no-browser"]
        assert main(["studio", *words]) == 2
        assert what in capsys.readouterr().err

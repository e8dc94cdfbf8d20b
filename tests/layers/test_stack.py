"""Projects: layers in order, each toggled and adjusted, in a file that moves with its folders."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.layers.test_package import make_edit

from vera.errors import VeraError
from vera.layers import Adjustment, open_stack, save_layers
from vera.layers.stack import ProjectLayer, read_project, write_project


def test_a_project_comes_back_and_may_be_moved(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "layers").mkdir(parents=True)
    for seed, name in enumerate(("hat", "sky", "rain")):
        save_layers(make_edit(np.uint8, seed=seed), home / "layers" / name)
    settings = Adjustment(opacity=0.5, offset=(3, -1.5), gamma=(1, 1.1, 1), blend="screen", range=(None, 12))
    layers = [
        ProjectLayer(home / "layers" / "hat"),
        ProjectLayer(home / "layers" / "sky", on=False),
        ProjectLayer(home / "layers" / "rain", settings),
    ]
    write_project(home / "project.json", layers, strict_chroma=True)
    assert read_project(home / "project.json") == (layers, True)

    home.rename(tmp_path / "moved")
    stack = open_stack([tmp_path / "moved" / "project.json"])
    assert stack.strict_chroma and [edit.adjustment for edit in stack.edits] == [Adjustment(), settings]
    assert np.array_equal(stack.edits[1].alpha, make_edit(np.uint8, seed=2).alpha)
    assert sorted(path.name for path in (tmp_path / "moved").iterdir()) == ["layers", "project.json"]


def test_folders_are_adjusted_alike(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_layers(make_edit(np.uint8), tmp_path / name)
    stack = open_stack([tmp_path / "one", tmp_path / "two"], Adjustment(opacity=0.25), strict_chroma=True)
    assert [edit.adjustment.opacity for edit in stack.edits] == [0.25, 0.25] and stack.strict_chroma


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "cannot be read as a project"),
        ("[]", "is not a project"),
        ('{"format": 1}', "no list of layers"),
        ('{"format": 9, "layers": []}', "format 9"),
        ('{"format": 1, "layers": [3]}', "a layer is written as"),
        ('{"format": 1, "layers": [{"folder": 3}]}', "a layer is written as"),
        ('{"format": 1, "layers": [{"folder": "one", "on": "yes"}]}', "a layer is written as"),
        ('{"format": 1, "layers": [{"folder": "one", "opacity": 3}]}', "opacity is from 0 to 1"),
        ('{"format": 1, "layers": [{"folder": "one", "blur": 3}]}', "no adjustment is named 'blur'"),
        ('{"format": 1, "layers": [{"folder": "missing"}]}', "not a layer folder"),
    ],
)
def test_what_is_no_project_is_said_in_one_line(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "project.json").write_text(text)
    with pytest.raises(VeraError, match=what) as caught:
        open_stack([tmp_path / "project.json"])
    assert "\n" not in str(caught.value)


def test_a_project_has_its_own_settings(tmp_path: Path) -> None:
    save_layers(make_edit(np.uint8), tmp_path / "one")
    write_project(tmp_path / "project.json", [ProjectLayer(tmp_path / "one")])
    assert json.loads((tmp_path / "project.json").read_text())["layers"] == [{"folder": "one", "on": True}]
    with pytest.raises(VeraError, match="has its own layers and settings"):
        open_stack([tmp_path / "project.json"], Adjustment(opacity=0.5))
    with pytest.raises(VeraError, match="has its own layers and settings"):
        open_stack([tmp_path / "one", tmp_path / "project.json"])
    with pytest.raises(VeraError, match="cannot be written"):
        write_project(tmp_path / "no" / "project.json", [])

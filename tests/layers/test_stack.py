"""Projects: layers in order, each toggled and adjusted, in a file that moves with its folders."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from tests.layers.test_folder import make_edit

from vera.errors import VeraError
from vera.layers import Adjustment, open_stack, save_layers
from vera.layers.stack import ProjectLayer, check_project, read_project, write_project


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


@pytest.mark.faults
@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", r"is not JSON that can be read; .* \(layers are folders, or one project file\)"),
        ("[]", "is not a project"),
        ('{"format": 1}', "no list of layers"),
        ('{"format": 9, "layers": []}', "format 9"),
        ('{"format": 1, "layers": [3]}', "a layer is written as"),
        ('{"format": 1, "layers": [{"folder": 3}]}', "a layer is written as"),
        ('{"format": 1, "layers": [{"folder": "one", "on": "yes"}]}', "a layer is written as"),
        ('{"format": 1, "layers": [{"folder": "one", "opacity": 3}]}', "opacity is from 0 to 1"),
        ('{"format": 1, "layers": [{"folder": "one", "blur": 3}]}', "no adjustment is named 'blur'"),
        ('{"format": 1, "layers": [{"folder": "missing"}]}', "not a layer folder"),
        ("[" * 10**5, "is not JSON"),
        ("", "is not JSON"),
        ("null", "is not a project"),
        ('{"format": true, "layers": []}', "format True"),
        ('{"format": 1, "layers": {}}', "no list of layers"),
        ('{"format": 1, "strict_chroma": "no", "layers": []}', "`strict_chroma` is true or false"),
        ('{"format": 1, "layers": [' + '{"folder": "one"},' * 64 + '{"folder": "one"}]}', "at most 64 layers, not 65"),
        ('{"format": 1, "layers": [{"folder": "one", "on": 3}]}', "a layer is written as"),
        ('{"format": 1, "layers": [{"folder": "/etc"}]}', "in its own folder or below"),
        ('{"format": 1, "layers": [{"folder": "a/../../b"}]}', "in its own folder or below"),
        ('{"format": 1, "layers": [{"folder": ""}]}', "in its own folder or below"),
        ('{"format": 1, "layers": [{"folder": "a\\u0000b"}]}', "not a layer folder"),
        (f'{{"format": 1, "layers": [{{"folder": "{"l" * 300}"}}]}}', "cannot be read"),
        ('{"format": 1, "layers": [{"folder": "one", "opacity": NaN}]}', "opacity is from 0 to 1"),
        ('{"format": 1, "layers": [{"folder": "one", "scale": 1' + "0" * 400 + "}]}", "scale is from"),
        ('{"format": 1, "layers": [{"folder": "one", "offset": [1e999, 0]}]}', "offset is from"),
        ('{"format": 1, "layers": [{"folder": "one", "gain": 2}]}', "gain cannot be 2"),
        ('{"format": 1, "layers": [{"folder": "one", "gain": [true, 1, 1]}]}', "gain cannot be"),
        ('{"format": 1, "layers": [{"folder": "one", "range": [3, 1]}]}', "a range is from"),
        ('{"format": 1, "layers": [{"folder": "one", "range": [0.5, 1]}]}', "range cannot be"),
        ('{"format": 1, "layers": [{"folder": "one", "blend": ["screen"]}]}', "blend cannot be"),
        ('{"format": 1, "layers": [{"folder": "one", "' + "x" * 10**5 + '": 1}]}', "no adjustment is named"),
    ],
)
def test_what_is_no_project_is_said_in_one_line(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "project.json").write_text(text)
    with pytest.raises(VeraError, match=what) as caught:
        open_stack([tmp_path / "project.json"])
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700 + len(str(tmp_path))


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


@pytest.mark.faults
def test_a_project_names_what_lies_below_it(tmp_path: Path) -> None:
    """Else it could not be read again; what a link stands for does not count, and is told before any work."""
    (tmp_path / "scratch").mkdir()
    save_layers(make_edit(np.uint8), tmp_path / "scratch" / "one")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "linked").symlink_to(tmp_path / "scratch")
    write_project(tmp_path / "home" / "project.json", [ProjectLayer(tmp_path / "home" / "linked" / "one")])
    assert len(open_stack([tmp_path / "home" / "project.json"]).edits) == 1
    write_project(tmp_path / "home" / "linked" / "project.json", [ProjectLayer(tmp_path / "scratch" / "one")])
    assert read_project(tmp_path / "scratch" / "project.json")[0][0].folder == tmp_path / "scratch" / "one"
    outside = [ProjectLayer(tmp_path / "scratch" / "one")]
    for function in (check_project, write_project):
        with pytest.raises(VeraError, match="in its own folder or below"):
            function(tmp_path / "home" / "another.json", outside)
        with pytest.raises(VeraError, match="at most 64"):
            function(tmp_path / "another.json", outside * 65)


@pytest.mark.faults
def test_a_project_is_whole_or_as_it_was(tmp_path: Path) -> None:
    """Beside it, names of other runs and of planted links are nobody's concern."""
    save_layers(make_edit(np.uint8), tmp_path / os.fsdecode(b"l\xe9"))
    (tmp_path / "victim").write_bytes(b"x")
    (tmp_path / ".project.json.partial").symlink_to(tmp_path / "victim")
    write_project(tmp_path / "project.json", [ProjectLayer(tmp_path / os.fsdecode(b"l\xe9"))])
    assert len(open_stack([tmp_path / "project.json"]).edits) == 1
    assert (tmp_path / "victim").read_bytes() == b"x" and not (tmp_path / "project.json").is_symlink()

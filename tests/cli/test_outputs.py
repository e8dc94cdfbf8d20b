"""Every command spares what it reads: an output that is an input, by any name, is refused before anything is done."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from PIL import Image
from tests.clips import make_clip as make_rgb

from vera.cli import main
from vera.errors import VeraError
from vera.layers import composite_clip, load_layers
from vera.training.recipe import load_recipe
from vera.training.run.inputs import check_run_outputs
from vera.video import open_clip

pytestmark = pytest.mark.faults
ClipMaker = Callable[..., Path]
REFUSED = ("same command", "two outputs")


@pytest.fixture
def place(tmp_path: Path, make_clip: ClipMaker, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a clip `s.mkv`, its layers `L`, a model, masks, a project, a LoRA and a LUT; the current one."""
    monkeypatch.chdir(tmp_path)
    make_clip("s.mkv")
    make_clip("m.mkv")
    Image.new("L", (32, 32), 255).save(tmp_path / "m.png")
    for name in ("look.safetensors", "look.cube"):
        (tmp_path / name).touch()
    (tmp_path / "hard.mkv").hardlink_to(tmp_path / "m.mkv")
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model" / "card.png").touch()
    assert main(["edit", "s.mkv", "add", "--model", "model", "--out", "r.mkv", "--layers", "L"]) == 0
    assert main(["composite", "s.mkv", "L", "--out", "c.mkv", "--project", "p.json"]) == 0
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


EDIT = ("edit", "s.mkv", "add", "--model", "model")
LAYERIZE = ("layerize", "s.mkv", "r.mkv", "--out", "new")
CASES = {
    "result over mask": (*EDIT, "--mask", "m.mkv", "--out", "m.mkv"),
    "result over a hard link to the mask": (*EDIT, "--mask", "m.mkv", "--out", "hard.mkv"),
    "result over source": (*EDIT, "--out", "./s.mkv"),
    "sheet over mask": (*EDIT, "--mask", "m.png", "--out", "x.mkv", "--sheet", "m.png"),
    "sheet over a picture of a mask": (*EDIT, "--mask", "masks", "--out", "x.mkv", "--sheet", "masks/m.0001.png"),
    "sheet over a picture of the sequence": ("edit", "n.####.png", "add", "--sheet", "n.0002.png", "--out", "x.mkv"),
    "layers over source": ("edit", "L/edit.mkv", "add", "--model", "model", "--out", "x.mkv", "--layers", "L"),
    "layers over mask": (*EDIT, "--mask", "L/alpha.mkv", "--out", "x.mkv", "--layers", "L"),
    "result over its own layers": (*EDIT, "--out", "L/edit.mkv", "--layers", "L"),
    "result into the sheet's folder": (*EDIT, "--out", "new/a.####.png", "--sheet", "new/a.0001.png"),
    "result over LoRA": (*EDIT, "--lora", "look.safetensors:0.5", "--out", "look.safetensors"),
    "result over LUT": (*EDIT, "--lut", "look.cube", "--out", "look.cube"),
    "sheet over a file of the model": (*EDIT, "--out", "x.mkv", "--sheet", "model/card.png"),
    "layers over a file of the model": (*EDIT[:3], "--model", "L", "--out", "x.mkv", "--layers", "L"),
    "composite over source": ("composite", "s.mkv", "L", "--out", "s.mkv"),
    "composite over alpha": ("composite", "s.mkv", "L", "--out", "L/alpha.mkv"),
    "composite over edit, of a project": ("composite", "s.mkv", "p.json", "--out", "L/edit.mkv"),
    "project over manifest": ("composite", "s.mkv", "L", "--out", "x.mkv", "--project", "L/manifest.json"),
    "project over source": ("composite", "s.mkv", "L", "--out", "x.mkv", "--project", "s.mkv"),
    "project over result": ("composite", "s.mkv", "L", "--out", "x.mkv", "--project", "x.mkv"),
    "layerize over edited": ("layerize", "s.mkv", "L/edit.mkv", "--out", "L"),
    "layerize over mask": ("layerize", "s.mkv", "r.mkv", "--mask", "L/alpha.mkv", "--out", "L"),
    "its sheet over a picture of the mask": (*LAYERIZE, "--mask", "masks", "--sheet", "masks/m.0001.png"),
    "its sheet over a picture of the matte": (*LAYERIZE, "--matte", "masks/m.#.png", "--sheet", "masks/m.0001.png"),
}


def test_outputs_that_are_inputs(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for number in range(1, 4):
        Image.new("RGB", (32, 32)).save(place / f"n.{number:04d}.png")
    for name in ("new", "masks"):
        (place / name).mkdir()
    for number in range(1, open_clip("s.mkv").frame_count + 1):
        Image.new("L", (32, 32), 255).save(place / "masks" / f"m.{number:04d}.png")
    before = contents(place)
    capfd.readouterr()
    for name, argv in CASES.items():
        assert main(list(argv)) == 2, name
        line = capfd.readouterr().err
        assert line.count("\n") == 1 and any(word in line for word in REFUSED), (name, line)
        assert contents(place) == before, name


UP = ("../../s.mkv", "../../r.mkv", "../../L", "../../model")
IN_THE_WAY = {
    "layers into the current folder": ("edit", UP[0], "add", "--model", UP[3], "--layers", "."),
    "layers around the current folder": ("edit", UP[0], "add", "--model", UP[3], "--layers", "../../x"),
    "recovered layers": ("layerize", *UP[:2], "--out", "."),
    "recovered layers where a disk is mounted": ("layerize", *UP[:2], "--out", "/proc"),
    "pictures": ("composite", "../../p.mov", "../../P", "--out", "####.png"),
    "an export": ("export", UP[2], "--to", "ffv1", "--source", UP[0], "--out", ".."),
}


def test_a_folder_that_none_can_replace_is_refused_before_the_work(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A terminal would be left in a folder that is gone, and the layers of hours be lost where a disk is mounted."""
    make_rgb(place / "p.mov", 5, (32, 32), pix_fmt="rgb24", codec="png")
    assert main(["layerize", "p.mov", "p.mov", "--out", "P"]) == 0
    (place / "x" / "ffv1").mkdir(parents=True)
    before = contents(place)
    monkeypatch.chdir(place / "x" / "ffv1")
    capfd.readouterr()
    for name, argv in IN_THE_WAY.items():
        assert main(list(argv)) == 2, name
        line = capfd.readouterr().err
        assert line.count("\n") == 1 and "cannot be replaced; name " in line, (name, line)
        assert contents(place) == before and not list(place.rglob(".*")), name


def test_an_export_does_not_replace_its_own_source(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (place / "export" / "png").mkdir(parents=True)
    source = (place / "s.mkv").rename(place / "export" / "png" / "s.mkv")
    (source.parent / "export.json").write_text(json.dumps({"files": []}))
    argv = ["export", "L", "--to", "png", "--source", str(source), "--out", "export"]
    assert main(argv) == 2 and "same command reads" in capfd.readouterr().err
    assert source.is_file()


def test_composite_from_python_spares_the_layers_it_reads(place: Path) -> None:
    before = contents(place / "L")
    with pytest.raises(VeraError, match="same command"):
        composite_clip("s.mkv", load_layers("L"), "L/alpha.mkv")
    assert contents(place / "L") == before


def write_recipe(path: Path, **changes: object) -> Path:
    recipe = {
        "method": "autoencoder",
        "output": str(path.parent / "run"),
        "steps": 1,
        "model": {},
        "data": {"path": str(path.parent / "data")},
        "objective": {},
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(recipe | changes), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["run/ema", "run/ema/transformer", "run/checkpoints/step-1"])
def test_a_run_spares_what_it_starts_from(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    recipe = write_recipe(tmp_path / "r.yaml", init=str(tmp_path / name))
    with pytest.raises(VeraError, match="same command"):
        check_run_outputs(recipe, load_recipe(recipe))
    for allowed in ({}, {"init": str(tmp_path / "data")}):
        recipe = write_recipe(tmp_path / "r.yaml", **allowed)
        check_run_outputs(recipe, load_recipe(recipe))


def test_a_run_spares_the_recipe_that_it_extends_and_resumes_by_its_own_copy(tmp_path: Path) -> None:
    base = write_recipe(tmp_path / "run" / "recipe.yaml", output=str(tmp_path / "run"))
    check_run_outputs(base, load_recipe(base))
    child = tmp_path / "child.yaml"
    child.write_text("extends: run/recipe.yaml\n")
    with pytest.raises(VeraError, match="same command"):
        check_run_outputs(child, load_recipe(child))

"""Masks leave a build and come back as decisions: the same masks, exactly."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.construction.crossing import write_footage, write_recipe
from tests.construction.deciding import decide
from tests.construction.test_construct import click

from vera.cli import main
from vera.construction.construct import build_samples
from vera.construction.exchange import export_masks, import_masks
from vera.construction.formats.tracks import ClipTracks
from vera.errors import VeraError
from vera.video import read_lossless


def masks(out: Path) -> np.ndarray:
    return read_lossless(next(out.rglob("masks.mkv")))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    (path,) = write_footage(folder / "footage", 1)
    decide(folder / "log.jsonl", path, "red ball", **click())
    recipe = write_recipe(folder / "r.yaml", f"decisions: [{folder / 'log.jsonl'}]")
    build_samples(recipe, folder / "out", until="masks")
    return folder


@pytest.mark.parametrize("form", ["davis", "coco", "cvat"])
def test_masks_come_back_as_they_left(built: Path, tmp_path: Path, form: str) -> None:
    place = tmp_path / ("m.json" if form == "coco" else "m")
    assert main(["data", "build", "export", str(built / "out"), str(place), "--format", form]) == 0
    shutil.copytree(built / "footage", tmp_path / "footage")
    recipe = write_recipe(tmp_path / "r.yaml")
    build_samples(recipe, tmp_path / "out")
    assert main(["data", "build", "import", str(tmp_path / "out"), str(place), "--by", "anna"]) == 0
    report = build_samples(recipe, tmp_path / "out", until="masks")
    assert report.count("masks", "done") == 1
    assert np.array_equal(masks(tmp_path / "out"), masks(built / "out"))


@pytest.mark.faults
@pytest.mark.parametrize("form", ["davis", "cvat"])
def test_an_export_that_is_stopped_leaves_nothing(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Any
) -> None:
    def stop(path: Path, clip: ClipTracks) -> None:
        path.with_suffix(".part").write_text("part")
        raise KeyboardInterrupt

    monkeypatch.setattr(f"vera.construction.exchange.write_{form}", stop)
    with pytest.raises(KeyboardInterrupt):
        export_masks(built / "out", tmp_path / "m", form)
    assert not (tmp_path / "m").exists()


def test_masks_of_no_clip_of_the_build_are_refused(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_masks(built / "out", tmp_path / "m.json", "coco")
    (tmp_path / "n.json").write_text((tmp_path / "m.json").read_text().replace('"name": "', '"name": "0', 1))
    text = (tmp_path / "m.json").read_text()
    clip = text.split('"name": "')[1][:16]
    (tmp_path / "n.json").write_text(text.replace(f'"name": "{clip}', f'"name": "{"0" * 16}'))
    with pytest.raises(VeraError, match="has no such clip"):
        import_masks(built / "out", tmp_path / "n.json", "anna")
    assert main(["data", "build", "import", str(built / "out"), str(tmp_path / "m.json")]) == 2
    assert "--by NAME" in capsys.readouterr().err
    with pytest.raises(VeraError, match="exists"):
        export_masks(built / "out", tmp_path / "m.json", "coco")
    with pytest.raises(VeraError, match="has no masks yet"):
        export_masks(tmp_path, tmp_path / "x", "davis")
    with pytest.raises(VeraError, match="neither DAVIS"):
        import_masks(built / "out", tmp_path / "x.png", "anna")

"""`vera edit --region`: from the command line to a verified result, and bad input in one line, with nothing written."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.pipelines.footage.test_region import write_mask

from vera.cli import main
from vera.layers import load_layers

ClipMaker = Callable[..., Path]
SIZE = (128, 96)


def edit(source: Path, model: Path, *options: object) -> int:
    return main([*map(str, ["edit", source, "add a red balloon", "--model", model, *options])])


def test_regions_of_a_clip(
    make_clip: ClipMaker, tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = make_clip("a.mkv", 6, SIZE)
    mask = write_mask(tmp_path / "mask.mkv", [(4 + 12 * t, 20, 44 + 12 * t, 60) for t in range(6)], SIZE, True)
    out, layers = tmp_path / "out.mkv", tmp_path / "layers"
    options = ("--region", "auto", "--mask", mask, "--region", "80,50,40,40", "--every", "2", "--out", out)
    assert edit(source, tiny_model, *options, "--layers", layers) == 0
    assert load_layers(layers).metadata["region"] == ["auto", "80,50,40,40"]
    assert main(["verify", str(source), str(out), str(layers)]) == 0
    assert main(["export", str(layers), "--source", str(source), "--to", "png", "--out", str(tmp_path / "png")]) == 0


@pytest.mark.parametrize(
    ("regions", "mask", "told"),
    [
        (["left"], None, "a region is X,Y,W,H in whole pixels"),
        ([""], None, "a region is X,Y,W,H in whole pixels"),
        (["nan,nan,nan,nan"], None, "a region is X,Y,W,H in whole pixels"),
        (["1,2,3"], None, "a region is X,Y,W,H in whole pixels"),
        (["9999999999999,0,1,1"], None, "a region is X,Y,W,H in whole pixels"),
        (["-8,0,32,32"], None, "reaches out of the frame, which is 128x96"),
        (["100,0,32,32"], None, "reaches out of the frame, which is 128x96"),
        (["0,0,0,32"], None, "is empty"),
        (["0,0,4,64"], None, "smaller than the 8x8 pixels"),
        (["0,0,64,64", "0,0,64,64"], None, "given twice"),
        (["auto"], None, "give --mask"),
        (["auto"], 0, "is all black"),
        (["auto"], 255, "is all white"),
        (["auto"], -1, "both reach over the whole frame"),
    ],
)
def test_bad_regions(
    make_clip: ClipMaker,
    tiny_model: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    regions: list[str],
    mask: int | None,
    told: str,
) -> None:
    source, options = make_clip("a.mkv", 5, SIZE), [word for region in regions for word in ("--region", region)]
    if mask is not None:
        checks = (np.indices(SIZE[::-1]).sum(0) // 16 % 2 * 255).astype(np.uint8)
        cv2.imwrite(str(tmp_path / "mask.png"), checks if mask < 0 else np.full(SIZE[::-1], mask, np.uint8))
        options += ["--mask", str(tmp_path / "mask.png")]
    before = sorted(tmp_path.rglob("*"))
    assert edit(source, tiny_model, *options, "--out", tmp_path / "out.mkv", "--layers", tmp_path / "layers") == 2
    out, err = capfd.readouterr()
    assert out == "" and told in err and err.startswith("vera: ") and err.count("\n") == 1, err
    assert sorted(tmp_path.rglob("*")) == before

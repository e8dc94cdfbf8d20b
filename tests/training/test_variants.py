"""Every published variant trains by a recipe that differs from the method's in one line."""

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from tests.training.drawn import drawn_batch, flow_fields, open_drawn, write_recipe

from vera.models.baselines import VARIANTS
from vera.pipelines import load_pipeline
from vera.training import load_recipe
from vera.training.layered_flow import LayeredFlow
from vera.training.loop import sample_seeds, train

ALL = ["edit", "alpha", "composite"]
LINES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "mot": ({}, ALL),
    "v2v": ({"variant": "v2v"}, ["composite"]),
    "v2v-concat": ({"variant": "v2v_concat"}, ["composite"]),
    "vace": ({"variant": "vace"}, ["composite"]),
    "dense": ({"variant": "dense"}, ALL),
    "mot-separate": ({"model": {"joint_attention": False}}, ALL),
    "mot-no-composite": ({"model": {"branches": ["edit", "alpha"]}}, ["edit", "alpha"]),
    "alpha-text": ({"model": {"text_branches": ALL}}, ALL),
    "no-mask": ({"objective": {"mask_drop": 1.0}}, ALL),
}
ABLATIONS = pytest.mark.parametrize(("line", "branches"), LINES.values(), ids=LINES.keys())


def write_ablation(folder: Path, tiny_model: Path, line: dict[str, Any]) -> Path:
    fields = flow_fields(tiny_model)
    fields["objective"] |= {"mask_drop": 0.0, "instruction_drop": 0.0}
    base = write_recipe(folder, steps=2, checkpoint_every=2, **fields)
    path = folder / "ablation.yaml"
    path.write_text(yaml.safe_dump({"extends": base.name} | line))
    return path


@ABLATIONS
def test_a_run_leaves_a_pipeline(tmp_path: Path, tiny_model: Path, line: dict[str, Any], branches: list[str]) -> None:
    train(write_ablation(tmp_path, tiny_model, line), open_data=open_drawn, report=lambda text: None)
    rows = [json.loads(text) for text in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    steps = [row for row in rows if "gradient_norm" in row]
    assert [row["step"] for row in steps] == [1, 2]
    for row in steps:
        assert np.isfinite([row["loss"], row["gradient_norm"], *(row[branch] for branch in branches)]).all()
        assert {name for name in row if name in ALL} == set(branches)

    pipeline = load_pipeline(str(tmp_path / "run" / "ema"), device="cpu", dtype="float32")
    pipeline.set_progress_bar_config(disable=True)
    assert type(pipeline.transformer) is VARIANTS[line.get("variant", "mot")]
    assert list(pipeline.transformer.config.branches) == branches
    layers = pipeline(np.zeros((1, 32, 32, 3), np.uint8), "add a red balloon", num_inference_steps=1)
    assert np.isfinite(layers.edit).all() and (layers.alpha == 1).all() == ("alpha" not in branches)


@ABLATIONS
def test_gradients_reach_every_weight(
    tmp_path: Path, tiny_model: Path, line: dict[str, Any], branches: list[str]
) -> None:
    recipe = load_recipe(write_ablation(tmp_path, tiny_model, line))
    method = LayeredFlow(recipe, [], torch.device("cpu"), contextlib.nullcontext)
    torch.manual_seed(0)
    model: Any = method.make_model(open_drawn({}, False))
    batch = drawn_batch(1, 6)
    assert batch.has_mask.any()
    # A weight learns once those behind it are not zero any more: in VACE's context that takes two steps.
    for _ in range(3):
        model.zero_grad()
        loss, _ = method.loss(model, batch, sample_seeds(0, 0, 0, 6))
        assert loss.isfinite()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter -= 0.1 * parameter.grad
    idle = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert idle == ({"mask_embedding.weight"} if "objective" in line else set())

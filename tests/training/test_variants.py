"""Every published variant trains by a recipe that differs from the method's in one line."""

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from tests.training.drawn import drawn_batch, flow_fields, open_drawn, write_recipe
from tests.wan_layouts import make_wan

from vera.cli import main
from vera.models.baselines import VARIANTS
from vera.pipelines import load_pipeline
from vera.training import load_recipe
from vera.training.methods.layered_flow import LayeredFlow
from vera.training.run.loop import sample_seeds, train

ALL = ["edit", "alpha", "composite"]
LINES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "mot": ({}, ALL),
    "v2v": ({"variant": "v2v"}, ["composite"]),
    "v2v-concat": ({"variant": "v2v_concat"}, ["composite"]),
    "vace": ({"variant": "vace"}, ["composite"]),
    "t2v": ({"variant": "t2v", "model": {"frame_coordinates": True, "prediction_type": "sample"}}, ["composite"]),
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
    assert type(pipeline.transformer) is VARIANTS[line.get("variant", "mot")].model
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


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Wan2.1 in diffusers' layout."""
    folder = tmp_path_factory.mktemp("base") / "wan"
    make_wan().save_pretrained(folder)
    return folder


def train_from_wan(folder: Path, base: Path, name: str) -> list[dict[str, Any]]:
    """`vera init` by a recipe and two steps of training by the same; the rows of its log."""
    start = folder / f"init-{name}"
    networks = {"autoencoder": str(start / "vae"), "text_encoder": str(start), "max_sequence_length": 8}
    write_recipe(folder, method="layered_flow", model={}, objective=networks, steps=2, dtype="fp32")
    own = {"extends": "recipe.yaml", "output": str(folder / name), "init": str(start / "transformer")}
    recipe = folder / f"{name}.yaml"
    recipe.write_text(yaml.safe_dump(own | LINES[name][0]))
    assert main(["init", "--base", str(base), "--recipe", str(recipe), "--out", str(start)]) == 0
    train(recipe, open_data=open_drawn, report=lambda text: None)
    return [json.loads(text) for text in (folder / name / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", LINES)
def test_one_recipe_makes_the_start_and_trains_it(tmp_path: Path, base: Path, name: str) -> None:
    rows = train_from_wan(tmp_path, base, name)
    assert np.isfinite([row["loss"] for row in rows if "gradient_norm" in row]).all()
    for folder in (tmp_path / f"init-{name}", tmp_path / name / "ema"):
        pipeline = load_pipeline(str(folder), device="cpu", dtype="float32")
        assert list(pipeline.transformer.config.branches) == LINES[name][1]


def test_adding_and_concatenating_the_source_learn_alike(tmp_path: Path, base: Path) -> None:
    added, concatenated = (train_from_wan(tmp_path, base, name) for name in ("v2v", "v2v-concat"))
    for one, other in zip(added, concatenated, strict=True):
        assert one.keys() == other.keys()
        for figure in one.keys() & {"loss", "gradient_norm", "held_out/loss"}:
            assert one[figure] == pytest.approx(other[figure], rel=1e-4), figure


def test_a_model_that_a_variant_cannot_be(tmp_path: Path, base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = write_recipe(tmp_path, method="layered_flow", variant="vace", objective={"autoencoder": "none"})
    for model, named in ({"joint_attention": False}, "joint_attention"), ({"num_layers": 7}, "num_layers 2"):
        fields = yaml.safe_load(recipe.read_text()) | {"model": model}
        recipe.write_text(yaml.safe_dump(fields))
        assert main(["init", "--base", str(base), "--recipe", str(recipe), "--out", str(tmp_path / "out")]) == 2
        _, error = capsys.readouterr()
        assert error.startswith("vera: ") and named in error and error.count("\n") == 1
        assert not (tmp_path / "out").exists()


RECIPES = Path(__file__).parents[2] / "recipes"
SHIPPED = sorted(RECIPES.glob("ablations/*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_a_shipped_ablation_changes_one_line(path: Path) -> None:
    vera, ablation = (dataclasses.asdict(load_recipe(which)) for which in (RECIPES / "vera-1.3b.yaml", path))
    assert ablation.pop("output") == f"runs/ablations/{path.stem}" != vera.pop("output")
    start, original = ablation.pop("init"), vera.pop("init")
    changed = [name for name in vera if ablation[name] != vera[name]]
    assert len(changed) == 1
    # What is another network needs another start, made by the same recipe; the comment says how.
    own_start = bool({"variant", "model"} & set(changed))
    assert start == (f"runs/init-1.3b-{path.stem}/transformer" if own_start else original)
    assert (
        f"--recipe recipes/ablations/{path.name} --out runs/init-1.3b-{path.stem}\n" in path.read_text(encoding="utf-8")
    ) == own_start
    with torch.device("meta"):
        VARIANTS[ablation["variant"]].model(**VARIANTS[ablation["variant"]].config(ablation["model"]))

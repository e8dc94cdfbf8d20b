"""Which weights each optimizer gets, and the learning rate over a run."""

import itertools
from pathlib import Path

import pytest
import torch
from tests.training.drawn import flow_fields, write_recipe

from vera.models import VeraTransformer3DModel
from vera.training.recipe import load_recipe
from vera.training.run.schedule import learning_rate, make_optimizers


@pytest.fixture
def model() -> VeraTransformer3DModel:
    return VeraTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, ffn_dim=16, num_layers=2, in_channels=4, out_channels=4
    )


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_every_weight_is_trained_once(
    tmp_path: Path, tiny_model: Path, model: VeraTransformer3DModel, optimizer: str
) -> None:
    recipe = load_recipe(write_recipe(tmp_path, **flow_fields(tiny_model) | {"optimizer": optimizer}))
    held = [p for o in make_optimizers(recipe, model) for group in o.param_groups for p in group["params"]]
    assert sorted(map(id, held)) == sorted(map(id, model.parameters()))


def test_muon_takes_the_matrices_of_the_blocks(tmp_path: Path, tiny_model: Path, model: VeraTransformer3DModel) -> None:
    recipe = load_recipe(write_recipe(tmp_path, **flow_fields(tiny_model) | {"optimizer": "muon"}))
    _, muon = make_optimizers(recipe, model)
    assert isinstance(muon, torch.optim.Muon)
    taken = {id(p) for group in muon.param_groups for p in group["params"]}
    names = {name for name, p in model.named_parameters() if id(p) in taken}
    assert names == {
        name for name, p in model.named_parameters() if "blocks." in name and name.endswith(".weight") and p.ndim == 2
    }
    assert any("ffn" in name for name in names) and not any("embed" in name for name in names)


@pytest.mark.parametrize(("schedule", "last"), [("cosine", 0.1), ("linear", 0.1), ("constant", 1.0)])
def test_rate_rises_and_falls(tmp_path: Path, tiny_model: Path, schedule: str, last: float) -> None:
    fields = {"steps": 100, "warmup": 10, "learning_rate": 2.0, "final_lr_ratio": 0.1, "schedule": schedule}
    recipe = load_recipe(write_recipe(tmp_path, **flow_fields(tiny_model) | fields))
    rates = [learning_rate(recipe, step) for step in range(101)]
    assert rates[0] == pytest.approx(0.2) and rates[9] == rates[10] == 2.0
    assert rates[100] == pytest.approx(2.0 * last)
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[10:]))

"""Every recipe of the project can be read, and makes the network that it names."""

from pathlib import Path

import pytest
import torch

from vera.models.autoencoder_patch import AutoencoderPatch3D
from vera.models.baselines import VARIANTS
from vera.training import load_recipe
from vera.training.planning.step_cost import make_network
from vera.training.recipe import FlowObjective

RECIPES = sorted(path for path in Path("recipes").rglob("*.yaml") if path.parent.name != "data")
PUBLISHED = {"steps": 8000, "batch_size": 16}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: str(path.relative_to("recipes")))
def test_a_recipe_makes_its_network(path: Path) -> None:
    recipe = load_recipe(path)
    with torch.device("meta"):
        if not isinstance(recipe.objective, FlowObjective):
            assert AutoencoderPatch3D(**recipe.model).num_parameters() > 0
            return
        model = make_network(recipe, 16)
    assert type(model) is VARIANTS[recipe.variant].model
    autoencoder = Path(recipe.objective.autoencoder)
    assert autoencoder.parts[0] == "runs" or (autoencoder / "config.json").is_file()  # trained before, or shipped
    assert Path(recipe.output).parts[0] == "runs"


@pytest.mark.parametrize(("name", "billions"), [("vera-1.3b", 3.922), ("vera-14b", 38.206)])
def test_the_large_sizes_are_as_published(name: str, billions: float) -> None:
    recipe = load_recipe(Path("recipes") / f"{name}.yaml")
    with torch.device("meta"):
        model = make_network(recipe, 16)
    assert model.num_parameters() == pytest.approx(billions * 1e9, rel=1e-3)
    assert {field: getattr(recipe, field) for field in PUBLISHED} == PUBLISHED
    assert (recipe.sampling.window_frames, recipe.sampling.pixels) == (49, 832 * 480)


def test_ablations_keep_what_they_compare() -> None:
    """An ablation changes the network, the masks or the data, never the budget."""
    base = load_recipe(Path("recipes/vera-1.3b.yaml"))
    ablations = sorted(Path("recipes/ablations").glob("*.yaml"))
    outputs = {load_recipe(path).output for path in ablations}
    assert len(outputs) == len(ablations) > 5 and base.output not in outputs
    for path in ablations:
        recipe = load_recipe(path)
        for field in ("steps", "batch_size", "learning_rate", "schedule", "betas", "ema_decay", "sampling", "seed"):
            assert getattr(recipe, field) == getattr(base, field), (path, field)


def test_a_lora_starts_from_a_trained_model() -> None:
    """Not from a new one, whose embedding of the source is zero and stays so."""
    recipe = load_recipe(Path("recipes/vera-1.3b-lora.yaml"))
    assert recipe.init == f"{load_recipe(Path('recipes/vera-1.3b.yaml')).output}/ema/transformer"
    with torch.device("meta"):
        model = make_network(recipe, 16)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained and all(".lora_" in name for name in trained)
    assert {name.split(".experts.")[1].split(".")[0] for name in trained} == {"edit", "alpha", "composite"}

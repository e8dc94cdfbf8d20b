from pathlib import Path

import pytest
import yaml
from tests.training.drawn import write_recipe

from vera.errors import VeraError
from vera.training import load_recipe
from vera.training.recipe import AutoencoderObjective, FlowObjective, Lora, Sampling


def test_fields_have_their_types(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, learning_rate="1e-3", clip=1, betas=[0.9, 0.98], sampling={"steps": 3})
    recipe = load_recipe(path)
    assert recipe.learning_rate == 1e-3
    assert recipe.clip == 1.0
    assert isinstance(recipe.clip, float)
    assert recipe.betas == (0.9, 0.98)
    assert recipe.sampling == Sampling(steps=3)
    assert recipe.objective == AutoencoderObjective(pca_clips=8)
    assert recipe.threads == 1


def test_the_method_decides_the_objective(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, method="layered_flow", objective={"autoencoder": "a", "weights": {"alpha": 2}})
    objective = load_recipe(path).objective
    assert isinstance(objective, FlowObjective)
    assert objective.weights == {"alpha": 2.0}


def test_a_recipe_extends_another(tmp_path: Path) -> None:
    flow = {"method": "layered_flow", "objective": {"autoencoder": "a"}}
    write_recipe(tmp_path, **flow, seed=7, lora={"rank": 4, "targets": ["to_q"]}, freeze=["alpha", "edit"])
    (tmp_path / "below").mkdir()
    path = tmp_path / "below" / "changed.yaml"
    path.write_text("extends: ../recipe.yaml\nsteps: 9\nmodel: {width: 24}\nfreeze: []\n", encoding="utf-8")
    recipe = load_recipe(path)
    assert (recipe.seed, recipe.steps, recipe.freeze) == (7, 9, ())
    assert recipe.model == {"z_dim": 8, "width": 24, "num_blocks": 1}
    assert recipe.lora == Lora(rank=4, targets=("to_q",))


def test_recipes_that_extend_each_other(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.yaml").write_text(f"extends: {other}.yaml\n", encoding="utf-8")
    with pytest.raises(VeraError, match="extends itself"):
        load_recipe(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"learning_rat": 1}, "unknown field learning_rat"),
        ({"objective": {"l2": 1}}, "objective: unknown field l2"),
        ({"objective": {"shift": 1}}, "objective: unknown field shift"),  # that of the other method
        ({"sampling": {"cuont": 1}}, "sampling: unknown field cuont"),
        ({"method": "gan"}, "method is one of"),
        ({"method": "layered_flow", "objective": {}}, "objective: missing autoencoder"),
        ({"steps": "many"}, "steps: is int"),
        ({"steps": True}, "steps: is int"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"learning_rate": "fast"}, "learning_rate: is float"),
        ({"betas": [0.9]}, "betas: is a list of 2"),
        ({"dtype": "fp8"}, "dtype: is one of auto, bf16, fp32"),
        ({"model": 3}, "model: is a mapping"),
        ({"lora": {"rank": "low"}}, "lora: rank: is int"),
        ({"freeze": "alpha"}, "freeze: is a list"),
        ({"context_parallel": 2}, "context_parallel is for layered_flow"),
        ({"variant": "gan"}, "variant: is one of mot, dense"),
        ({"objective": None}, "objective: is a mapping"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, fields: dict[str, object], words: str) -> None:
    path = write_recipe(tmp_path, **fields)
    with pytest.raises(VeraError, match=words) as error:
        load_recipe(path)
    assert str(path) in str(error.value)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("method: autoencoder\noutput: out\n", encoding="utf-8")
    with pytest.raises(VeraError, match="missing steps, model, data, objective"):
        load_recipe(path)


@pytest.mark.parametrize("content", ["a: [1", "just text", ""])
def test_no_mapping(tmp_path: Path, content: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(VeraError):
        load_recipe(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="no such recipe"):
        load_recipe(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", sorted(Path("recipes").glob("*.yaml")), ids=lambda path: path.name)
def test_the_recipes_of_the_project_can_be_read(path: Path) -> None:
    fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert fields["output"] == load_recipe(path).output

"""Fields of a recipe changed on the command line: as if the file said so, or refused in one line that names them."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.drawn import flow_fields, open_drawn, write_recipe

from vera.cli import build_app, main
from vera.errors import VeraError
from vera.fields import CONTROL
from vera.training import load_recipe
from vera.training.recipe import Lora, Recipe, recipe_text
from vera.training.run.loop import train

FLOW = {"method": "layered_flow", "objective": {"autoencoder": "a"}}


@pytest.mark.parametrize("path", [Path("recipes/nano-student.yaml"), Path("recipes/nano-vae.yaml")], ids=str)
def test_every_field_on_the_command_line_is_the_field_in_the_file(path: Path, tmp_path: Path) -> None:
    """A tiny recipe with all fields of another one laid over it, field by field, is that other one."""
    wanted = load_recipe(path)
    overrides: dict[str, str] = {}

    def name_leaves(fields: dict[str, Any], above: str) -> None:
        for name, value in fields.items():
            if isinstance(value, dict) and value and above.count(".") < 2:
                name_leaves(value, f"{above}{name}.")
            else:
                overrides[above + name] = (
                    value if isinstance(value, str) else yaml.safe_dump(value).removesuffix("...\n").strip()
                )

    name_leaves(yaml.safe_load(recipe_text(wanted)), "")
    assert len(overrides) > 40 and (wanted.method == "autoencoder" or "objective.distillation.steps" in overrides)
    tiny = write_recipe(tmp_path, model={}, objective={"autoencoder": "a"} if wanted.method == "layered_flow" else {})
    assert load_recipe(tiny, overrides) == wanted


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("output", "3", "3"),
        ("output", "null", "null"),  # never None, so a name
        ("output", "a #b: [c", "a #b: [c"),
        ("init", "null", None),
        ("init", "on", "on"),
        ("learning_rate", "1e-3", 0.001),
        ("clip", "2", 2.0),
        ("compile", "true", True),
        ("threads", "null", None),
        ("betas", "[0.5, 0.75]", (0.5, 0.75)),
        ("freeze", "[alpha, 'edit']", ("alpha", "edit")),
        ("lora", "{rank: 4, alpha: 8}", Lora(4, 8.0)),
    ],
)
def test_a_text_has_the_type_of_its_field(tmp_path: Path, name: str, text: str, value: object) -> None:
    found = getattr(load_recipe(write_recipe(tmp_path, **FLOW), {name: text}), name)
    assert found == value and type(found) is type(value)


def test_mappings_are_merged_as_by_extends(tmp_path: Path) -> None:
    data = {"kind": "synthetic", "seed": 1, "renders": "r"}
    path = write_recipe(tmp_path, **FLOW, data=data, lora={"rank": 4}, init="folder")
    recipe = load_recipe(path, {"data.seed": "3", "lora": "{alpha: 8}", "lora.targets": "[to_q]", "init": "null"})
    assert recipe.data == data | {"seed": 3}
    assert recipe.lora == Lora(4, 8.0, ("to_q",)) and recipe.init is None
    assert load_recipe(path, {"data.path": "p", "data.kind": "shards"}).data == {"kind": "shards", "path": "p"}
    assert load_recipe(path, {"lora": "null"}).lora is None


def test_a_field_that_the_file_lacks_or_has_wrong(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, steps="many")
    assert load_recipe(path, {"steps": 3}).steps == 3
    path.write_text("method: autoencoder\noutput: out\nmodel: {}\ndata: {}\nobjective: {}\n")
    assert load_recipe(path, {"steps": "3", "objective.l1": "2"}).steps == 3


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"objective.shfit": "15"}, "--objective.shfit: unknown field shfit; there are autoencoder, text_encoder"),
    ({"learning-rate": "1"}, "--learning-rate: unknown field learning-rate; there are method, output"),
    ({"extends": "a.yaml"}, "--extends: unknown field extends"),
    ({"objective.shift": "fast"}, "--objective.shift: is float, not 'fast'"),
    ({"objective.shift": "0"}, "--objective.shift: is above 0 and at most 1000, not 0"),
    ({"objective": "{shift: x}"}, "--objective.shift: is float, not 'x'"),
    ({"objective.weights.alpah": "1"}, "--objective.weights.alpah: a name: is one of edit, alpha, composite"),
    ({"objective.weights.alpha": ".inf"}, "--objective.weights.alpha: is a finite number, not inf"),
    ({"steps": "1.5"}, "--steps: is int, not 1.5"),
    ({"steps": "true"}, "--steps: is int, not True"),
    ({"steps": "{}"}, "--steps: is int, not {}"),
    ({"steps": "{a: 1}"}, "--steps: is int, not {'a': 1}"),
    ({"steps": ""}, "--steps: is int, not None"),
    ({"steps": "2020-01-01"}, "--steps: is a date"),
    ({"steps": "9" * 9000}, "--steps: "),
    ({"output": "a\nb"}, "--output: has a control character"),
    ({"output": ""}, "--output: has a length"),
    ({"device": "\udcff"}, "--device: has a control character"),
    ({"betas.0": "0.5"}, "--betas.0: there is no '0' in what is no mapping"),
    ({"output.x.y": "0.5"}, "--output.x.y: there is no 'x' in what is no mapping"),
    ({"betas": "[0.5"}, "--betas: cannot be read as YAML"),
    ({"betas": "[" * 30_000}, "--betas: cannot be read as YAML"),
    ({"model.num_layers": "0"}, "--model.num_layers: is at least 1"),
    ({"model": "{num_layers: 0}"}, "--model.num_layers: is at least 1"),
    ({"data.x": "&a [*a]"}, "--data.x: "),
    ({"data" + ".x" * 100: "1"}, "overrides: data: x"),
    ({"data.a\x1bb": "1"}, "an override: a name: has a control character"),
    ({"lora": "null", "lora.rank": "4"}, "--lora.rank: is part of what another override sets"),
    ({"method": "gan"}, "--method is one of autoencoder, layered_flow, not 'gan'"),
    ({"method": "autoencoder"}, "recipe.yaml: objective: unknown field autoencoder"),
    ({"": "1"}, "--: unknown field"),
    ({"x" * 9000: "1"}, "--xxx"),
    ({"a..b": "1"}, "--a..b: unknown field a"),
]


@pytest.mark.parametrize(("overrides", "told"), WRONG, ids=lambda value: ascii(value)[:40])
def test_a_mistake_is_told_by_the_name_of_the_override(
    tmp_path: Path, overrides: dict[str, Any], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_recipe(tmp_path, **FLOW)
    with pytest.raises(VeraError) as error:
        load_recipe(path, overrides)
    assert str(error.value).removeprefix(f"{tmp_path}/").startswith(told)
    assert main(["train", str(path), "--plan", *(f"--{name}={value}" for name, value in overrides.items())]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and len(said.err) < 1500


def test_an_autoencoder_has_no_variant(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match=r"^--variant is for layered_flow"):
        load_recipe(write_recipe(tmp_path), {"variant": "dense"})


NAMES = st.sampled_from([*(f.name for f in dataclasses.fields(Recipe)), "data.seed", "model.a.b", "objective.l1"])
TEXTS = st.text(max_size=8) | st.sampled_from(["{}", "[]", "null", "1e-3", "-1", "{a: {b: 1}}", "!!set {a}", "&a [*a]"])


@pytest.mark.faults
@settings(max_examples=200, deadline=None)
@given(overrides=st.dictionaries(NAMES | st.text(max_size=6), TEXTS, max_size=3))
def test_whatever_comes_makes_a_recipe_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, overrides: dict[str, str]
) -> None:
    try:
        recipe = load_recipe(write_recipe(tmp_path_factory.getbasetemp()), overrides)
    except VeraError as error:
        assert not CONTROL.search(str(error)) and len(str(error)) < 1500
    else:
        assert yaml.safe_load(recipe_text(recipe))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--seed"], "--seed: has no value"),
        (["--compile", "--seed", "3"], "--compile: has no value"),
        (["--gpuz", "8"], "--gpuz: is no option and no field of a recipe; did you mean --gpu?"),
        (["--learning-rate", "8"], "did you mean --learning_rate?"),
        (["--zzz", "8"], "--zzz: unknown field zzz"),
        (["--seed=1", "--seed", "2"], "--seed: is given twice"),
        (["stray"], "'stray': is no option"),
        (["--steps", "1", "2"], "'2': is no option"),
        (["-x"], "'-x': is no option"),
        (["--=3"], "'--=3': is no option"),
    ],
)
def test_words_that_are_no_override(
    tmp_path: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(write_recipe(tmp_path)), *words]) == 2
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_the_plan_is_that_of_the_changed_recipe(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = str(write_recipe(tmp_path, **flow_fields(tiny_model)))
    size = ["--plan", "--size", "32x32", "--gpus", "1"]
    assert main(["train", recipe, "--model.num_layers=2", *size, "--steps", "1_000", "--objective.mean", "-1"]) == 0
    changed = capsys.readouterr().out
    held = yaml.safe_load(Path(recipe).read_text(encoding="utf-8"))
    Path(recipe).write_text(yaml.safe_dump(held | {"steps": 1000}), encoding="utf-8")
    assert main(["train", recipe, "--model", "{num_layers: 2}", *size]) == 0
    assert capsys.readouterr().out == changed and "1,000 steps" in changed


def test_no_field_has_the_name_of_an_option() -> None:
    options = build_app()["train"].assemble_argument_collection()
    names = {name.removeprefix("--").replace("-", "_") for argument in options for name in argument.names}
    assert {"gpus_per_node", "plan"} < names
    assert not names & {field.name for field in dataclasses.fields(Recipe)}


def quiet(line: str) -> None:
    pass


def test_a_run_keeps_its_overrides_and_resumes_by_the_recipe_that_they_make(tmp_path: Path) -> None:
    path, run = write_recipe(tmp_path), tmp_path / "run"
    changes = {"steps": "2", "model.width": "16", "objective.l1": "0.5"}
    train(path, overrides=changes, open_data=open_drawn, report=quiet)
    kept = load_recipe(run / "recipe.yaml")
    assert kept == load_recipe(path, changes)
    assert (kept.steps, kept.model["width"], path.read_text().count("width: 8")) == (2, 16, 1)

    with pytest.raises(VeraError, match=r"was trained with model .*'width': 16.*, the recipe has .*'width': 8"):
        train(path, open_data=open_drawn, report=quiet)
    with pytest.raises(VeraError, match=r"recipe.yaml: says what its own run is made of"):
        train(run / "recipe.yaml", overrides={"steps": 3}, open_data=open_drawn, report=quiet)
    train(path, overrides=changes | {"steps": 3}, open_data=open_drawn, report=quiet)
    assert load_recipe(run / "recipe.yaml").steps == 3
    assert [folder.name for folder in sorted((run / "checkpoints").iterdir())][-1] == "step-00000003"

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.training.drawn import write_recipe

from vera.errors import VeraError
from vera.training import load_recipe
from vera.training.recipe import AutoencoderObjective, FlowObjective, Lora, Sampling
from vera.training.recipe_file import recipe_files


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


def test_parts_of_a_mixture_extend_the_data_of_recipes(tmp_path: Path) -> None:
    """From where the part stands, through whatever those recipes extend, and parts of parts, too."""
    write_recipe(tmp_path, data={"sizes": ["32x32"], "samples": 9, "stages": [{"until": None, "frames": {1: 1}}]})
    (tmp_path / "other.yaml").write_text("extends: recipe.yaml\ndata: {samples: 5, seed: 2}\n", encoding="utf-8")
    (tmp_path / "below").mkdir()
    path = tmp_path / "below" / "mixture.yaml"
    parts = [
        {"weight": 1, "extends": "../other.yaml", "samples": 3},
        {"weight": 2, "kind": "mixture", "parts": [{"weight": 1, "extends": "../recipe.yaml", "kind": "synthetic"}]},
        {"weight": 3, "extends": "../recipe.yaml", "kind": "shards", "path": "cache"},
    ]
    path.write_text(yaml.safe_dump({"extends": "../recipe.yaml", "data": {"kind": "mixture", "parts": parts}}))
    (tmp_path / "last.yaml").write_text("extends: below/mixture.yaml\nsteps: 2\n", encoding="utf-8")
    stages = [{"until": None, "frames": {1: 1}}]
    assert load_recipe(tmp_path / "last.yaml").data["parts"] == [
        {"weight": 1, "samples": 3, "seed": 2, "sizes": ["32x32"], "stages": stages},
        {
            "weight": 2,
            "kind": "mixture",
            "parts": [{"weight": 1, "kind": "synthetic", "samples": 9, "sizes": ["32x32"], "stages": stages}],
        },
        {"weight": 3, "kind": "shards", "path": "cache"},  # another kind's arguments are not for it
    ]
    names = [file.name for file in recipe_files(tmp_path / "last.yaml")]
    assert sorted(set(names)) == ["last.yaml", "mixture.yaml", "other.yaml", "recipe.yaml"]


def test_what_a_part_cannot_extend_is_told(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    for base, words in (("recipe.yaml", "extends itself"), ("none.yaml", "no such recipe"), ("a.yaml", "has no data")):
        (tmp_path / "a.yaml").write_text("steps: 1\n", encoding="utf-8")
        path.write_text(f"data: {{kind: mixture, parts: [{{weight: 1, extends: {base}}}]}}\n", encoding="utf-8")
        with pytest.raises(VeraError, match=words):
            load_recipe(path)


def test_recipes_that_extend_beyond_all_use(tmp_path: Path) -> None:
    part = {"weight": 1, "extends": "b.yaml"}
    for name, base in (("a", "b"), ("b", "c"), ("c", "d")):
        data = {"kind": "mixture", "parts": [part | {"extends": f"{base}.yaml"}] * 1000}
        (tmp_path / f"{name}.yaml").write_text(json.dumps({"data": data}), encoding="utf-8")
    (tmp_path / "d.yaml").write_text("data: {}\n", encoding="utf-8")
    with pytest.raises(VeraError, match=r"a\.yaml: extends other recipes 64 times or more"):
        load_recipe(tmp_path / "a.yaml")


@pytest.mark.faults
def test_naming_the_kind_that_data_have_anyway_drops_no_field(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, data={"sizes": ["32x32"], "samples": 9})
    (tmp_path / "other.yaml").write_text("extends: recipe.yaml\ndata: {kind: synthetic, samples: 5}\n")
    whole = {"kind": "synthetic", "sizes": ["32x32"], "samples": 5}
    assert load_recipe(tmp_path / "other.yaml").data == whole
    assert load_recipe(path, {"data.kind": "synthetic", "data.samples": 5}).data == whole


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
        ({"steps": 0}, "steps: is at least 1"),
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


@pytest.mark.faults
@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"num_layers": "2"}, "num_layers: is int, not '2'"),
        ({"num_layers": 2.0}, "num_layers: is int, not 2.0"),
        ({"cross_attn_norm": "no"}, "cross_attn_norm: is bool, not 'no'"),
        ({"branches": "edit"}, "branches: is a list, not 'edit'"),
        ({"eps": "small"}, "eps: is float, not 'small'"),
    ],
)
def test_a_network_s_config_has_the_types_of_its_class(tmp_path: Path, model: dict[str, Any], words: str) -> None:
    flow = {"method": "layered_flow", "objective": {"autoencoder": "a"}}
    with pytest.raises(VeraError, match=f"recipe.yaml: model: {words}"):
        load_recipe(write_recipe(tmp_path, **flow, model=model))
    path = write_recipe(tmp_path, **flow, model={"eps": "1e-6", "branches": ["edit", "alpha"]})  # as YAML reads 1e-6
    assert load_recipe(path).model == {"eps": 1e-6, "branches": ["edit", "alpha"]}


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("method: autoencoder\noutput: out\n", encoding="utf-8")
    with pytest.raises(VeraError, match="missing steps, data, objective"):
        load_recipe(path)


def test_a_new_network_needs_its_config(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("method: autoencoder\noutput: out\nsteps: 1\ndata: {}\nobjective: {}\n", encoding="utf-8")
    with pytest.raises(VeraError, match="missing model, the config of a new network, or init"):
        load_recipe(path)
    assert load_recipe(path, {"init": "folder"}).model == load_recipe(path, {"model": "{}"}).model == {}


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


FLOW = {"method": "layered_flow", "objective": {"autoencoder": "a"}}
FLOW_OBJECTIVE = {
    "max_sequence_length": 0,
    "outside_weight": 0,
    "by_variance": ["alpah"],
    "timesteps": "often",
    "mean": float("nan"),
    "std": -1,
    "shift": 0,
    "mask_drop": 1.5,
    "instruction_drop": -0.1,
    "text_encoder": "",
    "weights": {"alpha": float("inf")},
}
HOSTILE: list[dict[str, Any]] = [
    {"output": "runs/a\ntouch PWNED\n#"},
    {"output": "runs/\x1b[2J"},
    {"output": "runs/a\u2028b"},
    {"output": ""},
    {"output": ["a"]},
    {"output": None},
    {"init": "a\rb"},
    {"device": "cpu\n"},
    {"data": {"path": "a\x00b"}},
    {"data": {"parts": [{"path": "a\nb"}]}},
    {"data": {"a\nb": 1}},
    {"data": []},
    {"model": {"width": 0}},
    {"model": {"width": 10**9}},
    {"model": {"width": 10**400}},
    {"model": {"num_blocks": -1}},
    {"model": {"num_layers": 1_000_000}},
    {"model": {"num_attention_heads": 0}},
    {"model": {"patch_size": [0, 0, 0]}},
    {"model": {"latents_std": [float("nan")]}},
    {"model": {3: {4: {5: "a\x07"}}}},
    {"steps": -1},
    {"steps": 10**30},
    {"steps": 1.5},
    {"steps": 1 << 30, "accumulate": 2},
    {"batch_size": 0},
    {"accumulate": 0},
    {"threads": 1_000_000},
    {"threads": 0},
    {"workers": -1},
    {"workers": 100_000},
    {"seed": -1},
    {"seed": 1 << 40},
    {"learning_rate": float("inf")},
    {"learning_rate": float("nan")},
    {"learning_rate": "nan"},
    {"learning_rate": "1e999"},
    {"learning_rate": -1},
    {"learning_rate": 1e25},
    {"warmup": -5},
    {"final_lr_ratio": 2},
    {"weight_decay": -1},
    {"betas": [0.9, 1.0]},
    {"betas": [-0.1, 0.9]},
    {"clip": -1},
    {"clip": 0},
    {"ema_decay": 5},
    {"max_bad_share": 2},
    {"context_parallel": 0},
    {"log_every": 0},
    {"sampling": {"count": -1}},
    {"sampling": {"steps": 0}},
    {"sampling": {"shift": 0}},
    {"sampling": {"pixels": 0}},
    {"sampling": {"window_frames": 0}},
    {"objective": {"l1": float("inf")}},
    {"objective": {"l1": 0, "mse": 0, "gradient": 0}},
    {"objective": {"pca_clips": -1}},
    {"objective": {"latent_noise": 1e9}},
    {"freeze": [""]},
    {"extends": 3},
    {"extends": None},
    {"extends": "../\x00"},
    {"lora": {"rank": 0}},
    {"lora": {"targets": []}},
    {"compile": "yes please"},
    FLOW | {"objective": {"autoencoder": "a", "weights": {"alpah": 2}}},
    FLOW | {"objective": {"autoencoder": "a", "weights": {"edit": 0, "alpha": 0, "composite": 0}}},
    FLOW | {"objective": {"autoencoder": "a", "distillation": {"teacher": "t", "guidance": 1, "steps": 0}}},
    *(FLOW | {"objective": {"autoencoder": "a", name: value}} for name, value in FLOW_OBJECTIVE.items()),
]


@pytest.mark.faults
@pytest.mark.parametrize("fields", HOSTILE, ids=lambda fields: ascii(fields)[:50])
def test_what_no_run_can_be_of_is_refused_in_one_line(tmp_path: Path, fields: dict[str, Any]) -> None:
    path = write_recipe(tmp_path, **fields)
    with pytest.raises(VeraError, match=r"recipe\.yaml: ") as error:
        load_recipe(path)
    assert str(error.value).isprintable() and len(str(error.value)) < 1000


@pytest.mark.faults
@pytest.mark.parametrize(
    "text",
    [
        "[" * 30_000,
        "a: " * 20_000,
        "{a: " * 1000 + "}" * 1000,
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: &a [x, x]\nb: &b [*a, *a, *a]\n" + "".join(f"c{n}: &b [*b, *b, *b]\n" for n in range(20)),
        "a: &a {x: 1}\n" + "".join(f"b{n}: &a {{<<: [*a, *a, *a]}}\n" for n in range(20)),
        "steps: 2020-99-99",
        "steps: 2020-01-01",
        f"steps: {'9' * 10_000}",
        "steps: !!set {a}",
        "steps: !!binary aGk=",
        "steps: !!python/object/apply:os.system [touch PWNED]",
        "steps: 1\nseed: 2\nsteps: 3",
        "data: {path: a, path: b}",
        "? [a, b]\n: c",
        "? {a: b}\n: c",
        "null: 1",
        "1: 2",
        "\x00",
        "\ud800",
        "a: '\\",
        "- method",
        "x" * 100_000,
        "---\na: 1\n---\nb: 2",
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_a_text_that_is_no_recipe_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(VeraError, match=r"recipe\.yaml: ") as error:
        load_recipe(path)
    assert str(error.value).isprintable()


@pytest.mark.faults
def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "huge.yaml").open("wb") as file:
        file.truncate(1 << 40)
    for path in (tmp_path, Path("/dev/zero"), tmp_path / "huge.yaml", tmp_path / ("x" * 300)):
        with pytest.raises(VeraError):
            load_recipe(path)


@pytest.mark.faults
@pytest.mark.parametrize(
    "value",
    [
        "!!timestamp x",
        '!!int ""',
        "!!bool x",
        '!!float "-"',
        "!!omap [a]",
        "1:" * 9000 + "1.5",
        "1:" * 9000 + "1",
        "&a [*a]",
    ],
)
def test_values_that_yaml_itself_stumbles_over(tmp_path: Path, value: str) -> None:
    (tmp_path / "recipe.yaml").write_text(f"method: layered_flow\nseed: {value}\n")
    with pytest.raises(VeraError, match=r"recipe\.yaml: ") as error:
        load_recipe(tmp_path / "recipe.yaml")
    assert len(str(error.value)) < 1000

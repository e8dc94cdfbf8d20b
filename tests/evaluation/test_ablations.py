"""Recipes are trained with several seeds, measured on the same cases, and set side by side."""

import json
from pathlib import Path

import cv2
import pytest
import torch
import yaml
from tests.data.synthetic_assets import SPRITES
from tests.forks import SERVER
from tests.test_two_at_once import hold

from vera.errors import VeraError
from vera.evaluation.ablations import Outcome, evaluate_ablations, table
from vera.hardware import kept_threads
from vera.models import VeraTransformer3DModel
from vera.models.baselines import VARIANTS
from vera.models.baselines.text_to_video import TextToVideoTransformer3DModel
from vera.training import load_recipe

WIDTHS = ("in_channels", "out_channels", "text_dim")
RECIPES = Path(__file__).parents[2] / "recipes" / "ablations" / "nano"


@pytest.fixture
def recipes(tmp_path: Path, model: str, assets: str) -> list[Path]:
    """Two variants of two steps each, with the tiny model's autoencoder and text encoder."""
    size = {"num_attention_heads": 2, "attention_head_dim": 12, "ffn_dim": 16, "num_layers": 1, "freq_dim": 16}
    recipe = {
        "method": "layered_flow",
        "output": "unused",
        "steps": 2,
        "log_every": 1,
        "batch_size": 2,
        "sampling": {"count": 1, "steps": 1},
        "model": size,
        "objective": {
            "autoencoder": f"{model}/vae",
            "text_encoder": f"{model}/text_encoder",
            "max_sequence_length": 60,
        },
        "data": {
            "sprites": list(SPRITES),
            "assets": assets,
            "sizes": ["64x48"],
            "stages": [{"until": None, "frames": {1: 1}}],
        },
    }
    paths = [tmp_path / "mot.yaml", tmp_path / "v2v.yaml"]
    paths[0].write_text(yaml.safe_dump(recipe))
    paths[1].write_text("extends: mot.yaml\nvariant: v2v\n")
    return paths


def test_recipes_are_trained_and_measured(
    tmp_path: Path, recipes: list[Path], mean_colors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = evaluate_ablations(recipes, tmp_path / "out", seeds=2, count=2, workers=1, report=lambda line: None)
    assert "| | mot | v2v |" in text
    outcomes = json.loads((tmp_path / "out" / "ablations.json").read_text())
    assert {outcome["recipe"] for outcome in outcomes} == {"mot", "v2v"}
    assert all(len(outcome["values"]) == 2 for outcome in outcomes)
    last = json.loads((tmp_path / "out" / "mot-2" / "log.jsonl").read_text().splitlines()[-2])
    trained = [outcome for outcome in outcomes if (outcome["recipe"], outcome["part"]) == ("mot", "training")]
    losses = {outcome["measure"]: outcome["values"][1] for outcome in trained}
    assert last["step"] == 2 and losses == {layer: last[layer] for layer in ("edit", "alpha", "composite")}
    assert {load_recipe(tmp_path / "out" / f"mot-{seed}" / "recipe.yaml").seed for seed in (1, 2)} == {1, 2}

    monkeypatch.setattr("vera.training.run.loop.train_step", None)  # nothing is left to do
    monkeypatch.setattr("vera.evaluation.predictions.synthetic.run_case", None)
    again = evaluate_ablations(recipes, tmp_path / "out", seeds=2, count=2, workers=1, report=lambda line: None)
    assert again == text


@pytest.mark.parametrize("threads", [None, 1])
def test_runs_and_measures_leave_the_process_its_threads(
    tmp_path: Path, recipes: list[Path], mean_colors: None, threads: int | None
) -> None:
    """Measuring takes one thread for itself: the next run was trained with it."""
    recipes[1].write_text(f"extends: mot.yaml\nvariant: v2v\nthreads: {threads or 'null'}\n")
    with kept_threads():
        torch.set_num_threads(3)
        cv2.setNumThreads(2)
        evaluate_ablations(recipes[1:], tmp_path / "out", seeds=1, count=2, workers=1, report=lambda line: None)
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (3, 2)


def test_all_start_from_the_same_base(tmp_path: Path, recipes: list[Path], model: str, mean_colors: None) -> None:
    size = load_recipe(recipes[0]).model
    widths = {name: VeraTransformer3DModel.load_config(f"{model}/transformer")[name] for name in WIDTHS}
    base = TextToVideoTransformer3DModel(**size, **widths)
    base.save_pretrained(tmp_path / "base")
    out = tmp_path / "out"
    evaluate_ablations(recipes, out, str(tmp_path / "base"), seeds=1, count=2, workers=1, report=lambda line: None)
    for path in recipes:
        variant = VARIANTS[load_recipe(path).variant]
        start = variant.model.from_pretrained(out / f"{path.stem}-start" / "transformer").state_dict()
        assert load_recipe(out / f"{path.stem}-1" / "recipe.yaml").init == str(
            out / f"{path.stem}-start" / "transformer"
        )
        for name, tensor in base.state_dict().items():
            made = dict(variant.from_wan(variant.model.from_config(variant.config(size)).config, name, tensor))
            assert made and all(torch.equal(start[key], value) for key, value in made.items())


@pytest.mark.faults
def test_runs_by_another_recipe_or_base_are_refused(
    tmp_path: Path, recipes: list[Path], model: str, mean_colors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, bases = tmp_path / "out", [tmp_path / "base", tmp_path / "other"]
    widths = {name: VeraTransformer3DModel.load_config(f"{model}/transformer")[name] for name in WIDTHS}
    for base in bases:
        TextToVideoTransformer3DModel(**load_recipe(recipes[0]).model, **widths).save_pretrained(base)

    def run(base: Path | str | None, **fields: object) -> str:
        recipes[0].write_text(yaml.safe_dump(yaml.safe_load(recipes[0].read_text()) | fields))
        given = None if base is None else str(base)
        return evaluate_ablations(recipes[:1], out, given, 1, 2, 1, report=lambda line: None)

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("vera.evaluation.ablations.keep_note", killed)
        run(bases[1])
    assert not (out / "mot-start").exists(), "which would be of no base that is known"
    text = run(bases[0])
    for base in (bases[1], "some/other-base"):
        with pytest.raises(VeraError, match="mot-start: holds a model to start from with another base: name another"):
            run(base)
    with pytest.raises(VeraError, match="mot-1: holds a run with another init: name another folder"):
        run(None)
    for field, value in {"learning_rate": 0.5, "steps": 3}.items():
        before = recipes[0].read_text()
        with pytest.raises(VeraError, match=f"mot-1: holds a run with another {field}: name another folder"):
            run(bases[0], **{field: value})
        recipes[0].write_text(before)

    called: list[Path] = []
    monkeypatch.setattr("vera.evaluation.ablations.train", lambda path, **options: called.append(path))
    assert run(bases[0], log_every=5, checkpoint_every=7) == text, "what does not change what is learnt may differ"
    assert called == recipes[:1], "which exports what a kill left out"

    note = out / f"{recipes[0].stem}-1" / "ablation.json"
    held = json.loads(note.read_text())
    older = held | {"objective": {name: value for name, value in held["objective"].items() if name != "by_variance"}}
    note.write_text(json.dumps(older))  # before the field was there
    assert run(bases[0]) == text and json.loads(note.read_text()) == held


@pytest.mark.faults
def test_a_second_process_leaves_the_notes_of_the_first(tmp_path: Path, recipes: list[Path], mean_colors: None) -> None:
    """A run of no checkpoint yet takes any recipe: the note of one that was just begun was replaced by another's."""
    begun, ended = SERVER.Event(), SERVER.Event()
    first = SERVER.Process(target=hold, args=(tmp_path / "out", begun, ended))
    first.start()
    begun.wait()
    with pytest.raises(VeraError, match="out: another process writes here"):
        evaluate_ablations(recipes, tmp_path / "out", seeds=1, count=2, workers=1, report=lambda line: None)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]
    ended.set()
    first.join()


@pytest.mark.faults
def test_a_run_that_was_not_begun_takes_any_recipe(tmp_path: Path, recipes: list[Path], mean_colors: None) -> None:
    right = recipes[0].read_text()
    recipes[0].write_text(yaml.safe_dump(yaml.safe_load(right) | {"init": "nowhere"}))
    with pytest.raises(VeraError, match="nowhere"):
        evaluate_ablations(recipes[:1], tmp_path / "out", seeds=1, count=2, workers=1, report=lambda line: None)
    recipes[0].write_text(right)
    evaluate_ablations(recipes[:1], tmp_path / "out", seeds=1, count=2, workers=1, report=lambda line: None)


def test_only_models_of_the_same_data_are_compared(tmp_path: Path, recipes: list[Path]) -> None:
    recipes[1].write_text("extends: mot.yaml\ndata: {seed: 5}\n")
    with pytest.raises(VeraError, match="has other data"):
        evaluate_ablations(recipes, tmp_path)
    with pytest.raises(VeraError, match="no two files of one name"):
        evaluate_ablations(recipes[:1] * 2, tmp_path)


@pytest.mark.faults
@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"kind": "shards", "path": "cache"}, "mot.yaml: data: the cases are synthetic clips"),
        ({"sizes": 5}, "data: sizes"),
        ({"stages": [], "assets": None}, "data: "),
        ({}, "no sprites in assets/npm"),  # all of a synthetic source has defaults
    ],
)
def test_data_that_have_no_cases_are_told(
    tmp_path: Path, recipes: list[Path], data: dict[str, object], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipes[0].write_text(yaml.safe_dump(yaml.safe_load(recipes[0].read_text()) | {"data": data}))
    with pytest.raises(VeraError, match=told):
        evaluate_ablations(recipes[:1], tmp_path / "out")


def test_the_table_has_mean_and_spread() -> None:
    outcomes = [
        Outcome("mot", "obj_add", "place_hit", (0.5, 0.7)),
        Outcome("v2v", "obj_add", "psnr_preserved", (20.0,)),
    ]
    outcomes.append(Outcome("mot", "training", "edit", (0.25, 0.75)))
    lines = table(outcomes, ["mot", "v2v"]).splitlines()
    assert "| place hit (%) ↑ | 60.0 ± 14.1 |  |" in lines
    assert "| loss of edit ↓ | 0.500 ± 0.354 |  |" in lines
    assert "| PSNR, preserved region (dB) ↑ |  | 20.0 |" in lines


def test_the_shipped_recipes_share_all_but_the_named_line() -> None:
    loaded = {path.stem: load_recipe(path) for path in RECIPES.glob("*.yaml")}
    assert set(loaded) == {"mot", "v2v", "dense", "mot-separate", "mot-no-composite"}
    assert len({str((recipe.data, recipe.objective, recipe.steps)) for recipe in loaded.values()}) == 1
    assert all(recipe.output == f"runs/ablations/nano/{name}" for name, recipe in loaded.items())

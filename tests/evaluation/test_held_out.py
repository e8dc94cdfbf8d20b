"""A whole evaluation in a little world: complete, resumable, and the same whoever works on it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from tests.data.synthetic_assets import SPRITES

from vera.errors import VeraError
from vera.evaluation.held_out import evaluate_held_out, parse_sweep, sweep_settings
from vera.evaluation.predictions.collect import RECORDS, read_records
from vera.evaluation.predictions.predict import Candidate
from vera.evaluation.predictions.synthetic import Bench
from vera.evaluation.reports.compare import compare
from vera.models import VeraTransformer3DModel
from vera.pipelines import VeraPipeline

SHAPE = (5, 64, 48)


def bench(out: Path, model: str, assets: str, *lora: Path) -> Bench:
    return Bench(model, tuple(map(str, lora)), out, tuple(SPRITES), assets)


def test_evaluation_goes_on_where_it_was_killed(
    tmp_path: Path, model: str, assets: str, mean_colors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bench(tmp_path / "whole", model, assets)
    text, sheets = evaluate_held_out(whole, 4, shape=SHAPE, workers=1)
    assert "Object addition, 2 cases" in text
    assert [path.name for path in sheets] == ["sheet-obj_add.jpg", "sheet-background_replace.jpg"]
    assert all(path.is_file() for path in sheets)

    records = read_records(tmp_path / "whole")
    assert {(record.case, record.method) for record in records} == {
        (f"{case:04}", method) for case in range(4) for method in ("model", "autoencoder", "truth", "empty")
    }
    truth = next(record for record in records if record.method == "truth" and record.task == "obj_add")
    assert truth.measures["object_top1"] == truth.measures["place_hit"] == truth.measures["sane_frames"] == 1
    assert truth.measures["disagreement"] == truth.measures["changed"] == truth.measures["dtssd"] == 0

    # What a kill leaves: some whole lines and a part of one.
    file = tmp_path / "whole" / RECORDS
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:5]) + lines[5][:30])
    again, _ = evaluate_held_out(whole, 4, shape=SHAPE, workers=1)
    assert again == text
    assert file.read_text().splitlines(keepends=True) == lines

    monkeypatch.setattr("vera.evaluation.predictions.synthetic.run_case", None)  # nothing is left to do
    assert evaluate_held_out(whole, 4, shape=SHAPE, workers=1)[0] == text
    content = json.loads((tmp_path / "whole" / "evaluation.json").read_text())
    assert content["summary"]["obj_add"]["truth"]["place_hit"]["mean"] == 1

    with pytest.raises(VeraError, match="name another folder"):
        sweep_settings(whole, ["steps=1"], 2, SHAPE, workers=1)
    assert "| matte IoU ↑ | +0.000 [+0.000, +0.000] |" in compare(tmp_path / "whole", tmp_path / "whole")


def test_a_sweep_measures_every_combination(tmp_path: Path, model: str, assets: str, mean_colors: None) -> None:
    text = sweep_settings(bench(tmp_path, model, assets), ["steps=1,2", "guidance=1"], 2, SHAPE, workers=1)
    assert "| model steps=1 guidance=1.0 |" in text and "| model steps=2 guidance=1.0 |" in text
    with pytest.raises(VeraError, match="holds predictions of 2 settings"):
        compare(tmp_path, tmp_path)


def test_a_lora_answers_alone(tmp_path: Path, model: str, assets: str, mean_colors: None) -> None:
    transformer = VeraTransformer3DModel.from_pretrained(model, subfolder="transformer")
    transformer.add_adapter(LoraConfig(r=2, target_modules=["to_v", "proj_out"], init_lora_weights=False))
    VeraPipeline.save_lora_weights(tmp_path / "lora", get_peft_model_state_dict(transformer))
    evaluate_held_out(bench(tmp_path / "one", model, assets), 2, baselines=(), shape=SHAPE, workers=1)
    with_lora = bench(tmp_path / "other", model, assets, tmp_path / "lora")
    evaluate_held_out(with_lora, 2, baselines=(), shape=SHAPE, workers=1)
    one, other = (read_records(tmp_path / name) for name in ("one", "other"))
    assert [record.method for record in (*one, *other)] == ["model"] * 4
    assert all(a.measures["disagreement"] != b.measures["disagreement"] for a, b in zip(one, other, strict=True))
    with pytest.raises(VeraError, match="name another folder"):
        evaluate_held_out(replace(with_lora, out=tmp_path / "one"), 2, shape=SHAPE, workers=1)


@pytest.mark.faults
def test_a_run_in_another_world_is_refused(tmp_path: Path, model: str, assets: str, mean_colors: None) -> None:
    kept = bench(tmp_path / "out", model, assets)
    evaluate_held_out(kept, 2, baselines=(), shape=SHAPE, workers=1)
    with pytest.raises(VeraError, match="a run with another assets: name another folder"):
        evaluate_held_out(replace(kept, assets=f"{assets}/."), 2, baselines=(), shape=SHAPE, workers=1)


def test_settings_of_a_sweep() -> None:
    assert parse_sweep(["steps=4,8", "sampler=euler"]) == [
        Candidate("model", steps=4, sampler="euler"),
        Candidate("model", steps=8, sampler="euler"),
    ]
    with pytest.raises(VeraError, match="not 'colour=red'"):
        parse_sweep(["colour=red"])
    with pytest.raises(VeraError, match="steps is a number"):
        parse_sweep(["steps=four"])


@pytest.mark.parametrize(("name", "value"), [("count", 0), ("workers", 0)])
def test_numbers_that_cannot_be(tmp_path: Path, name: str, value: int) -> None:
    with pytest.raises(VeraError, match=f"{name} must be at least 1"):
        evaluate_held_out(bench(tmp_path, "nano", "assets"), **{name: value})

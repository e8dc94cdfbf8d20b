"""The mini-benchmark: what it holds, that it is the same each time, and that no recipe trains on its things."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests.data.synthetic_assets import SPRITES

from vera.data.synthesis import held_out
from vera.errors import VeraError
from vera.evaluation.cases import mini
from vera.evaluation.cases.benchmark import load_frames, read_benchmark
from vera.evaluation.cases.mini import OBJECTS, render_mini
from vera.evaluation.cases.views import read_frames
from vera.metrics.preservation import changed_samples

RECIPES = Path(__file__).parents[3] / "recipes"
SHAPE: dict[str, Any] = {"count": 4, "frames": 5, "size": (64, 48), "objects": tuple(SPRITES)}


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_cases_of_both_tasks_with_layers_that_make_the_result(tmp_path: Path, assets: str) -> None:
    assert render_mini(tmp_path / "mini", assets=assets, **SHAPE) == 4
    cases = read_benchmark(str(tmp_path / "mini"))
    assert [case.task for case in cases] == ["background_replace"] * 2 + ["obj_add"] * 2
    for case in cases:
        frames = load_frames(case)
        assert frames.source.shape == (5, 48, 64, 3)
        assert frames.alpha is not None and case.edit is not None and frames.composite is not None
        weight = frames.alpha[..., None] / 255
        laid = weight * read_frames(case.edit) + (1 - weight) * frames.source
        assert np.abs(laid - frames.composite).max() <= 0.51
        assert frames.preserved is not None
        assert changed_samples(frames.composite, frames.source, frames.preserved)[1] == 0
        assert case.caption is not None and (case.place or case.scene)
        words = held_out.ADDITIONS if case.task == "obj_add" else held_out.REPLACEMENTS
        fixed = [sentence.split("{")[0] or sentence.split("}")[1].split("{")[0] for sentence in words]
        assert any(part in case.instruction for part in fixed)


def test_the_same_bytes_again_and_after_a_stop(tmp_path: Path, assets: str, monkeypatch: pytest.MonkeyPatch) -> None:
    render_mini(tmp_path / "whole", assets=assets, **SHAPE)
    real, made = mini._render, []

    def stop_at_third(*args: Any) -> Any:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(args)
        return real(*args)

    monkeypatch.setattr(mini, "_render", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        render_mini(tmp_path / "stopped", assets=assets, **SHAPE)
    monkeypatch.setattr(mini, "_render", real)
    render_mini(tmp_path / "stopped", assets=assets, **SHAPE)
    assert files(tmp_path / "stopped") == files(tmp_path / "whole")


def test_no_recipe_trains_on_its_things() -> None:
    trained: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            trained.update(value.get("sprites", ()))
            list(map(look, value.values()))
        elif isinstance(value, list):
            list(map(look, value))

    for path in RECIPES.rglob("*.yaml"):
        look(yaml.safe_load(path.read_text()))
    assert len(trained) > 20 and not trained & set(OBJECTS)


def test_folders_and_sizes_that_cannot_be(tmp_path: Path, assets: str) -> None:
    render_mini(tmp_path / "mini", assets=assets, **SHAPE)
    with pytest.raises(VeraError, match="holds a mini-benchmark with another frames: name another folder"):
        render_mini(tmp_path / "mini", assets=assets, **(SHAPE | {"frames": 9}))
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "thesis.txt").touch()
    with pytest.raises(VeraError, match="holds something else: name another folder"):
        render_mini(tmp_path / "else", assets=assets, **SHAPE)
    for wrong in ({"count": 1}, {"frames": 6}, {"size": (60, 48)}):
        with pytest.raises(VeraError, match="the mini-benchmark has at least 2 cases, of 1 \\+ 4k frames"):
            render_mini(tmp_path / "new", assets=assets, **(SHAPE | wrong))
    assert not (tmp_path / "new").exists()

"""`vera train`: a recipe that cannot be used, and exit codes. Training itself is tested on its own floor."""

import signal
from functools import partial
from pathlib import Path

import pytest
from tests.training.drawn import DrawnLayers, open_drawn, write_recipe

from vera import training
from vera.cli import main
from vera.data.sample import LayeredSample
from vera.training.run import loop


@pytest.mark.parametrize("text", [None, "", "steps: [", "colour: red", "- a\n- b"])
def test_unusable_recipe(text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "recipe.yaml"
    if text is not None:
        recipe.write_text(text)
    assert main(["train", str(recipe)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("vera: ") and "recipe.yaml" in err and err.count("\n") == 1


@pytest.mark.faults
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 138)])
def test_a_run_that_a_signal_stopped_is_told_from_one_that_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, code: int
) -> None:
    """A script would go on with half a model."""

    class Stopping(DrawnLayers):
        def load(self, key: tuple[int, ...]) -> LayeredSample:
            if key[:2] == (1, 0):
                signal.raise_signal(number)
            return super().load(key)

    def train(recipe: Path, **options: object) -> int | None:
        return loop.train(recipe, open_data=lambda data, held_out: Stopping(held_out=held_out), **options)  # type: ignore[arg-type]

    recipe = write_recipe(tmp_path, steps=4)
    monkeypatch.setattr(training, "train", train)
    assert main(["train", str(recipe)]) == code
    out, err = capsys.readouterr()
    assert "stopped  after step 2 of 4; the same command goes on" in out and err.count("\n") == 1
    monkeypatch.setattr(training, "train", partial(loop.train, open_data=open_drawn))
    assert main(["train", str(recipe)]) == 0

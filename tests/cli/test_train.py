"""`vera train`: a recipe that cannot be used. Training itself is tested on its own floor."""

from pathlib import Path

import pytest

from vera.cli import main


@pytest.mark.parametrize("text", [None, "", "steps: [", "colour: red", "- a\n- b"])
def test_unusable_recipe(text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "recipe.yaml"
    if text is not None:
        recipe.write_text(text)
    assert main(["train", str(recipe)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("vera: ") and "recipe.yaml" in err and err.count("\n") == 1

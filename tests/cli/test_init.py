"""`vera init` on the command line."""

from pathlib import Path

import pytest
from tests.wan_layouts import make_wan

from vera.cli import main


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wan") / "base"
    make_wan().save_pretrained(folder)
    return folder


def test_it_says_what_it_made(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--base", str(base), "--out", str(tmp_path / "vera"), "--dtype", "bfloat16"]) == 0
    model, network = capsys.readouterr().out.splitlines()
    assert model == f"model    {tmp_path / 'vera'} (scheduler, text_encoder, tokenizer, transformer, vae)"
    assert network.startswith("network  VeraTransformer3DModel, 0.000 B parameters")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "there"], "exists"),
        (["--out", "new", "--config", "vera-1.3b"], "num_attention_heads 2, the configuration asked for has 12"),
        (["--out", "new", "--variant", "moe"], "unknown variant"),
        (["--out", "new", "--dtype", "int8"], "dtype"),
        (["--out", "new", "--base", "gone"], "is no folder, no file, and no owner/name of the hub"),
    ],
)
def test_bad_input(
    base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    given = arguments if "--base" in arguments else ["--base", str(base), *arguments]
    assert main(["init", *given]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and said in captured.err and captured.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["there"]

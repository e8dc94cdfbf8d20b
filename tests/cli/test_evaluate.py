"""`vera evaluate`: what is said before any work begins."""

from pathlib import Path

import pytest

from vera.cli import main


@pytest.mark.parametrize("command", ["held-out", "footage", "compare", "mini", "run"])
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", command, "--help"]) == 0
    assert f"Usage: vera evaluate {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["held-out", "--sweep", "colour=red"], "sweep is steps or guidance or sampler or shift"),
        (["held-out", "--sweep", "steps=4", "--guidance", "2"], "with --sweep give steps"),
        (["held-out", "--count", "0"], "count must be at least 1"),
        (["footage"], "no film in assets/footage/bbb.mp4: run `make assets` first"),
        (["compare", "nothing", "nothing"], "nothing: holds no evaluation"),
        (["mini", "out", "--size", "large"], "a size is WxH"),
        (["mini", "out", "--frames", "6"], "the mini-benchmark has at least 2 cases"),
        (["mini", "out"], "no sprites in assets/npm"),
        (["run", "nowhere", "--method", "nano", "--out", "run"], "nowhere is neither a folder nor the name of a data"),
    ],
)
def test_bad_arguments_are_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())

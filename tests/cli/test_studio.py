"""`vera studio` on the command line: what it says without its packages, and how it and its workers are told apart."""

import sys
from pathlib import Path

import pytest

from vera.cli import main


def test_what_is_missing_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert main(["studio", "--workspace", str(tmp_path), "--no-browser"]) == 2
    assert "pip install 'vera-layers[studio]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.faults
@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--host", "192.0.2.1"], "--token-file"),
        (["--port", "99999999999"], "cannot be served"),
        (["--port", "-1"], "cannot be served"),
        (["--nonsense"], "nonsense"),
        (["worker"], "requires an argument"),
        (["typo.mp4"], "typo.mp4: no such file"),
    ],
)
def test_what_cannot_be_started(
    arguments: list[str], what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["studio", *arguments, *([] if arguments == ["worker"] else ["--no-worker", "--no-browser"])]) == 2
    assert what in capsys.readouterr().err
    if arguments == ["typo.mp4"]:
        assert not list(tmp_path.iterdir())  # no workspace is made for it

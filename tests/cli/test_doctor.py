"""`vera doctor`."""

import pytest

from vera.cli import doctor as module
from vera.cli import main


def test_names_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor"])
    out = capsys.readouterr().out
    for what in ("torch", "codec ffv1", "codec h264-lossless", "cpu", "model nano", "text encoder of nano"):
        assert what in out


def test_fails_when_something_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "PACKAGES", ("torch", "no-such-package"))
    assert main(["doctor"]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["missing", "no-such-package", "pip", "install", "no-such-package"] in lines

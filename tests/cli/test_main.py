"""The shell of the command line: exit codes, one line for an error, and nothing imported too early."""

import os
import subprocess
import sys
import warnings
from collections.abc import Callable

import pytest
import torch

from vera import cli
from vera.cli import main
from vera.errors import VeraError

COMMANDS = ("edit", "composite", "verify", "init", "train", "data", "evaluate", "models", "doctor")
HEAVY = ("torch", "diffusers", "transformers", "av", "cv2", "numpy")
IN_THE_WAY = "a file stands where a folder is wanted; choose another name"


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    code = f"import sys; from vera.cli import main; main(['--help']); print([m for m in {HEAVY} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *text, loaded = run.stdout.strip().splitlines()
    assert loaded == "[]"
    for command in COMMANDS:
        assert any(line.startswith(f"│ {command} ") for line in text), command


@pytest.mark.parametrize(("given", "expected"), [(None, cli.SPIN_COUNT), ("7", "7")])
def test_threads_soon_sleep_unless_told(monkeypatch: pytest.MonkeyPatch, given: str | None, expected: str) -> None:
    monkeypatch.setenv("GOMP_SPINCOUNT", given or "")
    if given is None:
        monkeypatch.delenv("GOMP_SPINCOUNT")
    assert main(["--version"]) == 0
    assert os.environ["GOMP_SPINCOUNT"] == expected


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"Usage: vera {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv", [["edti"], ["edit"], ["edit", "a.mp4", "text", "--sead", "1"], ["edit", "a.mp4", "text", "--seed", "one"]]
)
def test_a_mistake_in_the_arguments(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("vera: ") and err.count("\n") == 1


def offer(command: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a function a command of `vera`."""
    app = cli.build_app()
    app.command(command, name=command.__name__)
    monkeypatch.setattr(cli, "build_app", lambda: app)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (VeraError("no such clip:\n x.mp4"), 2, "vera: no such clip:\\x0a x.mp4"),
        (OSError(28, "No space left on device", "x.mp4"), 2, "vera: [Errno 28] No space left on device: 'x.mp4'"),
        (FileExistsError(17, "File exists", "x"), 2, f"vera: x: {IN_THE_WAY}"),
        (FileExistsError(17, "is no regular file", "x"), 2, "vera: [Errno 17] is no regular file: 'x'"),
        (NotADirectoryError(20, "Not a directory", "x"), 2, f"vera: x: {IN_THE_WAY}"),
        (KeyboardInterrupt(), 130, "vera: interrupted"),
    ],
)
def test_what_a_command_raises(
    error: BaseException,
    code: int,
    line: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(recipe: str) -> None:
        raise error

    offer(fail, monkeypatch)
    assert main(["fail", "x"]) == code
    assert capsys.readouterr().err == line + "\n"
    assert main(["fail", "x", "--debug"]) == code
    trace = capsys.readouterr().err
    assert trace.startswith("Traceback") and trace.endswith(line + "\n")


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    offer(fail, monkeypatch)
    with pytest.raises(ZeroDivisionError):
        main(["fail"])


def test_warnings_are_lines_but_for_those_on_kernels(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def warn() -> None:
        norm = torch.nn.RMSNorm(4)
        torch.set_warn_always(True)
        try:
            norm(torch.ones(1, 4, dtype=torch.bfloat16))
        finally:
            torch.set_warn_always(False)
        warnings.warn("the disk is slow", stacklevel=1)

    offer(warn, monkeypatch)
    assert main(["warn"]) == 0
    assert capsys.readouterr().err == "vera: warning: the disk is slow\n"

"""What reaches the terminal: no stranger's control characters, no trace for an encoding, and clean ends by signals."""

import ast
import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vera import cli
from vera.cli import main
from vera.cli.progress import progress_bar
from vera.cli.signals import EndedError, unwinding
from vera.cli.terminal import say

pytestmark = pytest.mark.faults
ClipMaker = Callable[..., Path]
ESCAPE = "\x1b[31m[red]\u202e\x07\n\x9b2J"


def test_every_command_speaks_through_say() -> None:
    """`print` writes control characters as they are."""
    for path in Path(cli.__file__).parent.glob("*.py"):
        if path.name == "terminal.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                assert not node.args, f"{path.name}:{node.lineno}"


def test_control_characters_are_spelled_out(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"result   {ESCAPE}")
    assert capsys.readouterr().out == "result   \\x1b[31m[red]\\u202e\\x07\\x0a\\x9b2J\n"


@pytest.mark.parametrize(
    "argv", [["edit", ESCAPE, "add"], ["edit", "a.mp4", "add", f"--{ESCAPE}"], ["verify", ESCAPE, "b"]]
)
def test_errors_and_traces_show_no_control_characters(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for debug in ([], ["--debug"]):
        assert main([*argv, *debug]) == 2
        shown = capsys.readouterr().err
        assert not any(mark in shown for mark in "\x1b\x07\x9b\u202e"), shown


def test_progress_takes_no_markup(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    with progress_bar() as report:
        report("[bold]stage", 1, 2)
    assert "[bold]stage" in capsys.readouterr().err


def test_an_option_after_the_dashes_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edit", "--", "a.mp4", "add", "--frames", "4"]) == 2
    assert capsys.readouterr().err == (
        "vera: --frames: stands after --, where only names and texts are read; put options before --\n"
    )


def test_a_file_that_looks_like_an_option_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-clip.mp4").touch()
    assert main(["edit", "-clip.mp4", "add a ball"]) == 2
    told = "-clip.mp4: is read as an option, since it begins with -; write ./-clip.mp4"
    assert capsys.readouterr().err == f"vera: {told}\n"
    assert main(["edit", "-" + "c" * 5000, "add a ball"]) == 2
    assert capsys.readouterr().err.startswith("vera: Unknown option")


@pytest.mark.parametrize(
    ("argv", "told"),
    [(["models", "nano"], "nano: .*`vera models --help`"), (["evaluate", "footage", "a.mp4"], "a.mp4: ")],
)
def test_an_argument_too_many_is_told_so(argv: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    assert re.match(f"vera: {told}", capsys.readouterr().err)


def test_an_instruction_that_is_no_text_is_one_line(make_clip: ClipMaker, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edit", str(make_clip("a.mkv")), "add a b\udce9ll"]) == 2
    err = capsys.readouterr().err
    assert "UTF-8" in err and err.count("\n") == 1


# A command `x` that says and complains.
SPEAKING = """
import sys
from vera import cli
from vera.cli.terminal import complain, say
app = cli.build_app()
app.command(lambda: (say("\u00e9"), complain("\\udce9")), name="x")
cli.build_app = lambda: app
sys.exit(cli.main(sys.argv[1:]))
"""


def run(*argv: str, **options: object) -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own."""
    return subprocess.run([sys.executable, "-c", SPEAKING, *argv], text=True, **options)  # type: ignore[call-overload, no-any-return]


def test_an_ascii_terminal_gets_names_spelled_out() -> None:
    done = run("x", capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "\\xe9\n", "\\xe9\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has /dev/full")
def test_a_full_or_closed_stdout_is_no_trace() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = run("x", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2 and "Traceback" not in done.stderr and os.strerror(errno.ENOSPC) in done.stderr
    reading, writing = os.pipe()
    os.close(reading)
    done = run("x", stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert done.returncode == 0 and "rror" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_unwinds_once(number: signal.Signals) -> None:
    cleaned = []
    with pytest.raises(EndedError), unwinding():
        try:
            os.kill(os.getpid(), number)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # a second one does not cut the cleaning short
            cleaned.append(number)
    assert cleaned == [number]
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with unwinding():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)

"""The `vera` command: what the shell starts.

Commands are named by import path and imported when they are called, so that `vera --help` answers at once.
A `VeraError`, a mistake in the arguments or a full disk is one line on stderr and exit code 2; an interruption is one
line and exit code 130, SIGTERM 143 and SIGHUP 129. Where a part of the input was damaged and the work went on
(`DamageWarning`), the exit code is 3. Everything else is a bug and shows its trace. `--debug` shows the trace of them
all.
"""

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TextIO

from cyclopts import App, CycloptsError, UnknownOptionError, UnusedCliTokensError

from vera._version import __version__
from vera.cli.signals import EndedError, unwinding
from vera.cli.terminal import any_encoding, complain
from vera.errors import DamageWarning, VeraError

BAD_INPUT = 2
DAMAGED = 3
INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it, and so for other signals
# How often a thread of OpenMP looks for the others before it sleeps. By default it is so long that a network takes many
# times as long once any other program has a core to itself; so short, that costs double, and nothing where none has.
SPIN_COUNT = "2000"
# torch on RMSNorm under autocast: it takes another kernel than its fused one, and nobody can act on that.
KERNEL_CHOICE = "Mismatch dtype between input and weight"

_COMMANDS = (
    ("edit", "vera.cli.edit:edit", "Edit a clip as an instruction says."),
    ("composite", "vera.cli.layers:composite", "Composite saved layers over their source, without a model."),
    (
        "export",
        "vera.cli.export:export",
        """Write layers for After Effects, Nuke, Resolve, Premiere or the web.

        Each export has a README.txt that says how to use it in that program. Some targets need extra packages: pip
        install 'vera-layers[export]'.""",
    ),
    (
        "verify",
        "vera.cli.layers:verify",
        """Check that a result keeps what its master guarantees.

        The exit code is 0 if it does and 1 if it does not. With two arguments, SOURCE LAYERS, check that the source is
        still the file that the layers were made for.""",
    ),
    (
        "studio",
        "vera.cli.studio:app",
        """Edit in the browser: generate takes, adjust layers, paint mattes.

        Prints a link that works once, and opens it. Ctrl-C stops the studio; jobs that are not done continue the next
        time. Needs extra packages: pip install 'vera-layers[studio]'.""",
    ),
    ("layerize", "vera.cli.layerize:layerize", "Recover layers from an edit that another program made."),
    ("init", "vera.cli.init:init", "Make an untrained Vera model from a Wan2.1 text-to-video model."),
    ("train", "vera.cli.train:train", "Train a model from a recipe. Run the same command again to resume."),
    ("data", "vera.cli.data:app", "Make layered samples for training."),
    ("evaluate", "vera.cli.evaluate:app", "Measure how good edits are, whichever model or program made them."),
    (
        "study",
        "vera.cli.study:app",
        """Run a preference study: ask people which of two edits is better.

        Needs extra packages: pip install 'vera-layers[study]'.""",
    ),
    (
        "models",
        "vera.cli.models:models",
        """List the models that --model accepts. Nothing is downloaded.

        The column "where" says whether a model is installed, in the hub's cache, or only known by name. "disk" is its
        size; for a model that is not on this machine, that of its weights in bfloat16. "GPU" is the size of its largest
        part, which is what a GPU holds of the weights with --offload model.""",
    ),
    (
        "doctor",
        "vera.cli.doctor:doctor",
        """Show what this installation can do and what is missing.

        The exit code is 1 if something that Vera needs is missing.""",
    ),
)


def build_app() -> App:
    """Assemble the command tree; no command's module is imported."""
    app = App(
        name="vera",
        help="Edit video in layers: new pixels and a matte over your untouched footage.",
        help_epilogue="Add --debug to any command to see the full traceback of an error.",
        version=__version__,
        suppress_keyboard_interrupt=False,
    )
    for name, path, text in _COMMANDS:
        app.command(path, name=name, help=text)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `argv` is without the program's name (None: the shell's arguments)."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)  # read when torch is imported
    tokens = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in tokens
    tokens = [token for token in tokens if token != "--debug"]
    with any_encoding():
        return _run(tokens, debug)


def _run(tokens: list[str], debug: bool) -> int:
    damage: list[Warning] = []
    try:
        with unwinding(), warnings.catch_warnings():
            warnings.showwarning = partial(_show_warning, damage)
            warnings.simplefilter("default", DamageWarning)  # whatever the environment silences
            warnings.filterwarnings("ignore", KERNEL_CHOICE)
            code = build_app()(tokens, result_action="return_value", exit_on_error=False, print_error=False)
            print(end="", flush=True)  # a full disk under stdout is told here, not by a trace at the end
    except EndedError as ended:
        return _fail(f"ended by {signal.Signals(ended.number).name}", 128 + ended.number, debug)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED, debug)
    except VeraError as error:
        return _fail(str(error), BAD_INPUT, debug)
    except CycloptsError as error:
        return _fail(_in_words(error, tokens) or str(error), BAD_INPUT, debug)
    except BrokenPipeError:
        _close_stdout()
        return 0  # the reader of our output, such as `head`, has seen enough
    except OSError as error:  # a full disk, a missing permission: the machine's state, not a bug
        _close_stdout()
        return _fail(_in_the_way(error) or str(error), BAD_INPUT, debug)
    return (code if isinstance(code, int) else 0) or (DAMAGED if damage else 0)


def _in_words(error: CycloptsError, tokens: list[str]) -> str | None:
    """What is wrong with an argument, and what to do; None where the parser says it well."""
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        command = " ".join(["vera", *(error.command_chain or ())])
        return f"{error.unused_tokens[0]}: is an argument too many; `{command} --help` tells what there is"
    if not isinstance(error, UnknownOptionError):
        return None
    name = error.token.keyword or error.token.value
    if "--" in tokens and any(token.startswith(name) for token in tokens[tokens.index("--") :]):
        return f"{name}: stands after --, where only names and texts are read; put options before --"
    with suppress(OSError):  # longer than names can be
        if Path(name).exists():
            return f"{name}: is read as an option, since it begins with -; write ./{name}"
    return None


def _in_the_way(error: OSError) -> str | None:
    """What to do where the system finds a file and a folder is wanted; None for other errors."""
    by_system = error.errno is not None and error.strerror == os.strerror(error.errno)
    of_kind = isinstance(error, FileExistsError | NotADirectoryError) and by_system
    if of_kind and error.filename and not Path(error.filename).is_dir():
        return f"{error.filename}: a file stands where a folder is wanted; choose another name"
    return None


def _show_warning(
    damage: list[Warning],
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning as one line for people, without the place in the code that it came from; into `damage` if of damage."""
    if isinstance(message, DamageWarning):
        damage.append(message)
    complain(f"vera: warning: {message}")


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        for line in traceback.format_exc().splitlines():
            complain(line)
    complain("vera: " + " ".join(message.split()))
    return code


def _close_stdout() -> None:
    """Drop what cannot be written to stdout, so that Python does not try again, and complain, when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)

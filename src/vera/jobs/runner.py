"""The process that runs jobs, one after the other, and keeps what is warm between them.

It is started by a worker (`vera.jobs.child`), reads JSON lines from stdin and writes JSON lines to a descriptor of its
own, so that whatever a kind prints is the job's log. It ends with its worker.
"""

import base64
import faulthandler
import io
import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vera.errors import VeraError, first_line, printable
from vera.files import FULL_DISK
from vera.jobs.orphans import die_with_parent
from vera.jobs.results import with_results
from vera.jobs.work import CancelledError, Pace, Work

if TYPE_CHECKING:
    from vera.pipelines.footage.preview import Preview

LONGEST = 2000  # characters of what is told of an error
LARGEST = 1_000_000  # bytes of a result: the server takes bodies of 1 MiB

Tell = Callable[[dict[str, Any]], None]


class Runner:
    """Jobs run in this process, told about by `tell`. `table`: where kinds are listed, as `module:NAME`."""

    def __init__(self, table: str, tell: Tell) -> None:
        self._kinds: dict[str, str] = attribute(table)
        self._tell, self._stop = tell, threading.Event()
        self._warm: dict[str, Any] = {}

    def go(self) -> None:
        """Take back what `stop` asked of the last job."""
        self._stop.clear()

    def stop(self) -> None:
        """Have the job that runs unwind where it next tells how far it is."""
        self._stop.set()

    def run(self, job: dict[str, Any], workspace: Path) -> None:
        """Run a job, and tell how it ended."""
        try:
            result = self._run(job, workspace)
            self._tell({"ended": "done", "result": result})
        except CancelledError:
            self._tell({"ended": "cancelled"})
        except Exception as error:
            if not isinstance(error, VeraError | CancelledError):
                traceback.print_exc()
            self._tell({"ended": "failed", "error": told(error)})

    def _run(self, job: dict[str, Any], workspace: Path) -> dict[str, Any]:
        kind = self._kinds.get(job["kind"])
        if kind is None:
            raise VeraError(f"{job['kind']}: this worker knows no such kind of job; is it of the server's version?")
        function = attribute(kind)
        pace = Pace(lambda progress: self._tell({"progress": asdict(progress)}))

        def progress(stage: str, done: int, total: int) -> None:
            if self._stop.is_set():
                raise CancelledError
            pace(stage, done, total)

        def run(out: Path) -> dict[str, Any]:
            result = function(job["spec"], Work(workspace, out, progress, self._preview, self._warm))
            if self._stop.is_set():
                raise CancelledError
            return _fit(result)

        return with_results(workspace, job["id"], job["spec"].get("out"), run)

    def _preview(self, preview: "Preview") -> None:
        pictures = {layer: getattr(preview, layer) for layer in ("edit", "alpha", "composite")}
        shown = {
            layer: base64.b64encode(_jpeg(picture)).decode()
            for layer, picture in pictures.items()
            if picture is not None
        }
        self._tell({"previews": shown, "step": preview.step})


def _fit(result: Any) -> dict[str, Any]:
    """A result that the server takes. Raises VeraError for any other."""
    try:
        size = len(json.dumps(dict(result), allow_nan=False))
    except (ValueError, TypeError, RecursionError) as error:
        raise VeraError(f"its result is no JSON object ({first_line(error)}); please report it") from None
    if size > LARGEST:
        raise VeraError(f"its result has {size:,} bytes, more than {LARGEST:,}; please report it")
    return dict(result)


def _jpeg(picture: Any) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=85)
    return file.getvalue()


def told(error: BaseException) -> str:
    """An error as one line for people, short enough for the server."""
    if isinstance(error, VeraError):
        return str(error)[:LONGEST]
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        return f"{error.strerror}; free space, then try again"
    return printable(f"{type(error).__name__}: {first_line(error)}")[:LONGEST]


def attribute(path: str) -> Any:
    """What an import path, `module:name`, names."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def main(table: str, workspace: str, channel: str) -> None:
    """Run jobs until stdin ends."""
    die_with_parent()
    faulthandler.enable()
    os.set_inheritable(int(channel), False)
    commands = os.fdopen(os.dup(0), "r", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)  # what a kind starts shall not read our commands
    lock = threading.Lock()

    def tell(message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        with lock:
            while data:
                data = data[os.write(int(channel), data) :]

    runner, jobs = Runner(table, tell), queue.SimpleQueue[dict[str, Any]]()
    threading.Thread(target=_listen, args=(commands, runner, jobs), daemon=True).start()
    while True:
        message = jobs.get()
        _log_to(message["log"])
        runner.run(message["run"], Path(workspace))
        _log_to(os.devnull)


def _listen(commands: io.TextIOBase, runner: Runner, jobs: "queue.SimpleQueue[dict[str, Any]]") -> None:
    for line in commands:
        message = json.loads(line)
        if "run" in message:
            runner.go()
            jobs.put(message)
        else:
            runner.stop()
    os._exit(0)  # the worker is no more


def _log_to(path: str) -> None:
    """Have all that this process and its children print go to the end of a file."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)


if __name__ == "__main__":
    main(*sys.argv[1:])

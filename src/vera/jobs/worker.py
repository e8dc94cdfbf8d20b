"""A worker: claims jobs of a server over HTTP, has a runner do them, and says how they fare."""

import base64
import os
import secrets
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vera.errors import VeraError
from vera.jobs.child import Child
from vera.jobs.client import REPEAT, Client
from vera.jobs.results import clear
from vera.jobs.runner import attribute

KINDS = "vera.jobs.kinds:KINDS"
IDLE = 0.3  # seconds between two questions for a job
BEAT = 0.5  # seconds between two words on one: the server hears of it, and it of the server's wish to stop it
TERMINATE, KILL = 3.0, 8.0  # seconds after which a job that was asked to stop is made to


def run_worker(server: str, token: str, workspace: Path, *, name: str | None = None, table: str = KINDS) -> None:
    """Do a server's jobs, one after the other, until interrupted (KeyboardInterrupt); then the job is given back.

    A server that is not there is waited for. Raises VeraError if it refuses this worker, or the workspace is missing.

    Args:
        server: its URL, without a path.
        token: the server's.
        workspace: the server's folder, as this machine has it.
        name: nobody else's; what a worker of this name had before is taken for lost. Default: a new one.
        table: where the kinds of job are listed that it can do, as `module:NAME`.
    """
    if not workspace.is_dir():
        raise VeraError(f"{workspace}: is no folder; name the server's workspace, as this machine has it")
    name = name or f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    client, child = Client(server, token, name), Child(workspace, table)
    kinds = sorted(attribute(table))
    try:
        while True:
            claim = client.claim(kinds)
            if claim is None:
                time.sleep(IDLE)
            else:
                _do(client, child, workspace, claim)
    finally:
        child.kill()
        client.close()


@dataclass
class _Job:
    """What is known of a job that runs. `asked`: since when it is to stop; `lost`: nobody waits to hear of it;
    `killed`: its runner was lost.
    """

    claim: dict[str, Any]
    progress: dict[str, Any] | None = None
    ended: dict[str, Any] | None = None
    beat: float = 0.0
    asked: float | None = None
    terminated: bool = False
    lost: bool = False
    killed: bool = False
    pictures: list[dict[str, Any]] = field(default_factory=list)


def _do(client: Client, child: Child, workspace: Path, claim: dict[str, Any]) -> None:
    """See a job to its end, and say how it ended until that is heard."""
    job, out = _Job(claim), claim["job"]["spec"].get("out")
    try:
        logs = workspace / "logs"
        logs.mkdir(exist_ok=True)
        child.begin(claim["job"], logs / f"{claim['job']['id']}.log")
        while job.ended is None:
            _listen(child, job)
            if job.ended is None:
                _talk(client, child, job)
    except BaseException as error:
        child.kill()
        clear(workspace, out)
        if isinstance(error, KeyboardInterrupt):
            client.report(claim, "released")
        raise
    if job.killed:
        clear(workspace, out)
    _show(client, job)
    while not job.lost and not client.report(claim, **_report(job.ended)):
        time.sleep(REPEAT)


def _report(ended: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {name: ended[name] for name in ("error", "result") if name in ended}
    return {"outcome": ended["ended"], **told}


def _listen(child: Child, job: _Job) -> None:
    """Take what the runner tells, and see whether it still lives."""
    dead = not child.alive()  # first: what it told before its end is heard
    for message in child.messages(0.0 if dead else 0.05):
        if "progress" in message:
            job.progress = message["progress"]
        elif "previews" in message:
            job.pictures.append(message)
        else:
            job.ended = message
    if dead and job.ended is None:
        how, job.killed = child.kill(), True
        job.ended = {"ended": "died", "error": how} if job.asked is None else {"ended": "cancelled"}


def _talk(client: Client, child: Child, job: _Job) -> None:
    """Say that the job runs; where it is to stop, ask the runner, then make it."""
    now = time.monotonic()
    if job.asked is not None:
        _press(child, job, now - job.asked)
    elif now - job.beat >= BEAT:
        job.beat = now
        _show(client, job)
        answer = client.heartbeat(job.claim, job.progress)
        if answer in ("stop", "lost"):
            job.asked, job.lost = time.monotonic(), answer == "lost"
            child.stop()


def _show(client: Client, job: _Job) -> None:
    for shown in job.pictures:
        pictures = {layer: base64.b64decode(picture) for layer, picture in shown["previews"].items()}
        client.previews(job.claim, shown["step"], pictures)
    job.pictures.clear()


def _press(child: Child, job: _Job, seconds: float) -> None:
    if seconds >= KILL:
        child.kill()
        job.ended, job.killed = {"ended": "cancelled"}, True
    elif seconds >= TERMINATE and not job.terminated:
        job.terminated = True
        child.terminate()

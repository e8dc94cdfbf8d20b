"""Training runs in processes of their own that start in a moment: a server that has imported torch forks them.

They know nothing of what other tests did to torch, which may change the last bits of a sum.
"""

import os
import socket
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.forks import SERVER


def start(recipe: Path, **environment: str) -> ForkServerProcess:
    """Begin a run by a recipe, in a group of processes of its own."""
    process = SERVER.Process(target=_train, args=(recipe, environment))
    process.start()
    return process


def alone(recipe: Path) -> None:
    """Run a recipe to its end in one process."""
    process = start(recipe)
    process.join()
    assert process.exitcode == 0


def together(recipe: Path, count: int) -> None:
    """Run a recipe to its end in several processes, which find each other as those of torchrun do."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    shared = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    fields = [
        {name: str(value) for name, value in shared.items()} | {"RANK": str(n), "LOCAL_RANK": str(n)}
        for n in range(count)
    ]
    processes = [start(recipe, **one) for one in fields]
    for process in processes:
        process.join(600)
    assert [process.exitcode for process in processes] == [0] * count


def _train(recipe: Path, environment: dict[str, str]) -> None:
    from tests.training.drawn import open_drawn

    from vera.training.run.loop import train

    os.setsid()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.environ.update(environment)
    train(recipe, open_data=open_drawn)

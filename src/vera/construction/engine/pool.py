"""Where runs happen: in this process, or in several of this machine of which any may die without the others.

An executor takes tasks while it is `free` and gives back what came of them; others, of a cluster, have the same form.
"""

import signal
from collections import deque
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Protocol

from vera.construction.engine.record import Record
from vera.construction.engine.run import Ran, died, run_task
from vera.construction.engine.state import Task
from vera.workers import begin_worker

Job = tuple[Task, Record]


class Executor(Protocol):
    """Runs tasks."""

    @property
    def free(self) -> bool:
        """Whether it takes another task."""

    def submit(self, task: Task, about: Record) -> None:
        """Begin a task; `about` stands for its unit's record if there is none."""

    def ended(self, timeout: float) -> list[tuple[Task, Ran]]:
        """What ended; waits for something to, at most `timeout` seconds."""

    def close(self) -> None:
        """End all runs, whatever they are at."""


class InProcess:
    """Runs one task at a time in this process, when its end is waited for."""

    def __init__(self, root: Path, stages: bytes) -> None:
        self._root, self._stages = root, stages
        self._jobs: deque[Job] = deque()

    @property
    def free(self) -> bool:
        """Whether nothing is begun."""
        return not self._jobs

    def submit(self, task: Task, about: Record) -> None:
        """Begin a task."""
        self._jobs.append((task, about))

    def ended(self, timeout: float) -> list[tuple[Task, Ran]]:
        """Run what is begun."""
        task, about = self._jobs.popleft()
        return [(task, run_task(self._root, self._stages, task, about))]

    def close(self) -> None:
        """Forget what is begun."""
        self._jobs.clear()


class _Process:
    """A process and what it runs."""

    def __init__(self, root: Path, stages: bytes) -> None:
        self.connection, theirs = get_context("spawn").Pipe()
        # Not forked: torch's thread pools, and FFmpeg's, do not survive that.
        self.process = get_context("spawn").Process(target=_work, args=(theirs, root, stages), daemon=True)
        self.process.start()
        theirs.close()
        self.job: Job | None = None


class Processes:
    """Runs tasks in `count` processes. One that dies costs its task a try, and another takes its place."""

    def __init__(self, root: Path, stages: bytes, count: int) -> None:
        self._root, self._stages = root, stages
        self._all = [_Process(root, stages) for _ in range(count)]

    @property
    def free(self) -> bool:
        """Whether a process has nothing to do."""
        return any(worker.job is None for worker in self._all)

    def submit(self, task: Task, about: Record) -> None:
        """Begin a task in a process that has nothing to do."""
        place = next(place for place, worker in enumerate(self._all) if worker.job is None)
        if not self._all[place].process.is_alive():  # killed while it had nothing to do
            self._all[place] = _Process(self._root, self._stages)
        worker = self._all[place]
        worker.job = task, about
        worker.connection.send((task, about))

    def ended(self, timeout: float) -> list[tuple[Task, Ran]]:
        """What ended, waiting for something to."""
        busy = {worker.connection: worker for worker in self._all if worker.job is not None}
        done = []
        for connection in wait(list(busy), timeout):
            assert isinstance(connection, Connection)
            worker = busy[connection]
            assert worker.job is not None
            task, about = worker.job
            try:
                ran = connection.recv()
                if isinstance(ran, BaseException):
                    raise ran
                worker.job = None
            except (EOFError, ConnectionError):
                worker.process.join()
                ran = died(self._root, task, about)
                self._all[self._all.index(worker)] = _Process(self._root, self._stages)
            done.append((task, ran))
        return done

    def close(self) -> None:
        """End the processes; what they were at is begun anew by the next build."""
        for worker in self._all:
            worker.process.kill()
        for worker in self._all:
            worker.process.join()


def _work(connection: Connection, root: Path, stages: bytes) -> None:
    begin_worker()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        try:
            task, about = connection.recv()
        except EOFError:
            return
        try:
            connection.send(run_task(root, stages, task, about))
        except Exception as error:
            connection.send(error)


def open_executor(root: Path, stages: bytes, workers: int) -> Executor:
    """An executor of this machine: this process for one worker, processes for more."""
    return InProcess(root, stages) if workers <= 1 else Processes(root, stages, workers)

"""Runs on this machine: in this process, or in several of which any may die without the others."""

import os
import signal
from collections import deque
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path

from vera.construction.engine.executors.executor import Job
from vera.construction.engine.record import Record
from vera.construction.engine.run import Ran, died, run_task
from vera.construction.engine.stage import Resources
from vera.construction.engine.state import Task
from vera.workers import begin_worker, born_deaf


class InProcess:
    """Runs one task at a time in this process, when its end is waited for."""

    def __init__(self, root: Path, stages: bytes) -> None:
        self._root, self._stages = root, stages
        self._jobs: deque[Job] = deque()

    def takes(self, resources: Resources) -> bool:
        """Whether nothing is begun."""
        return not self._jobs

    def submit(self, task: Task, about: Record, resources: Resources) -> None:
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
    """A process, the number of the GPU that it has for itself, or None, and what it runs."""

    def __init__(self, root: Path, stages: bytes, gpu: int | None) -> None:
        self.gpu = gpu
        self.connection, theirs = get_context("spawn").Pipe()
        # Not forked: torch's thread pools, and FFmpeg's, do not survive that.
        self.process = get_context("spawn").Process(target=_work, args=(theirs, root, stages, gpu), daemon=True)
        with born_deaf():
            self.process.start()
        theirs.close()
        self.job: Job | None = None


class Processes:
    """Runs tasks in `count` processes, and those that need a GPU in one more for each of `gpus`, where all their models
    stay loaded. A process that dies costs its task a try, and another takes its place."""

    def __init__(self, root: Path, stages: bytes, count: int, gpus: int = 0) -> None:
        self._root, self._stages = root, stages
        self._all = [_Process(root, stages, gpu) for gpu in [*[None] * count, *range(gpus)]]

    def takes(self, resources: Resources) -> bool:
        """Whether a process of that kind has nothing to do."""
        return self._idle(resources) is not None

    def submit(self, task: Task, about: Record, resources: Resources) -> None:
        """Begin a task in a process that has nothing to do."""
        place = self._idle(resources)
        assert place is not None
        if not self._all[place].process.is_alive():  # killed while it had nothing to do
            self._all[place] = self._another(self._all[place])
        worker = self._all[place]
        worker.job = task, about
        worker.connection.send((task, about))

    def _idle(self, resources: Resources) -> int | None:
        wanted = (
            place
            for place, worker in enumerate(self._all)
            if worker.job is None and (worker.gpu is not None) == (resources.gpus > 0)
        )
        return next(wanted, None)

    def _another(self, worker: _Process) -> _Process:
        return _Process(self._root, self._stages, worker.gpu)

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
                self._all[self._all.index(worker)] = self._another(worker)
            done.append((task, ran))
        return done

    def close(self) -> None:
        """End the processes; what they were at is begun anew by the next build."""
        for worker in self._all:
            worker.process.kill()
        for worker in self._all:
            worker.process.join()


def _work(connection: Connection, root: Path, stages: bytes, gpu: int | None) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = "" if gpu is None else _visible()[gpu]
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


def _visible() -> list[str]:
    """The names of this machine's GPUs, or of those that are left to this process."""
    held = os.environ.get("CUDA_VISIBLE_DEVICES")
    return held.split(",") if held else [str(number) for number in range(1024)]

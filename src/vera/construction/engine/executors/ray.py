"""Runs on a Ray cluster, or on a Ray of this machine's own: actors that keep their models, and that get ids alone.

The build's folder must have the same path on all machines; what a run reads and writes never passes through Ray.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import psutil

from vera.construction.engine.executors.executor import Job
from vera.construction.engine.record import Record
from vera.construction.engine.run import Ran, died, run_task
from vera.construction.engine.stage import Resources
from vera.construction.engine.state import Task
from vera.errors import VeraError, first_line
from vera.optional import need
from vera.workers import born_deaf

LOOK = 1.0  # seconds between looks at what runs
ROUNDING = 1e-6  # of a core: ten tenths are one


class RayActors:
    """Runs tasks in actors of what their stages take: at most `workers` of a kind without a GPU, and no more than the
    cluster has room for, since others would wait for ever. Those with a GPU take no core. One that dies costs its task
    a try, and another takes its place.

    The cluster is the one that RAY_ADDRESS names, else one of this machine's own is started, and ended by `close`.
    VeraError where Ray is missing or no cluster answers.
    """

    def __init__(self, root: Path, stages: bytes, workers: int) -> None:
        self._ray: Any = need("ray", "ray", "--executor ray", "ray")
        try:
            self._ray.init(log_to_driver=False, include_dashboard=False, configure_logging=False)
        except Exception as error:  # Ray has no common one for these
            raise VeraError(
                f"no Ray cluster: {first_line(error)}; is the one that RAY_ADDRESS names running?"
            ) from None
        self._watcher = get_context("spawn").Process(target=_end_with_driver, daemon=True)
        with born_deaf():
            self._watcher.start()
        self._root, self._workers = root.resolve(), workers
        self._stages = self._ray.put(stages)
        self._has: dict[str, float] = self._ray.cluster_resources()
        self._actors: dict[Any, Resources] = {}
        self._idle: list[Any] = []
        self._jobs: dict[Any, tuple[Job, Any]] = {}  # by the reference to what comes of them

    def takes(self, resources: Resources) -> bool:
        """Whether an actor for this has nothing to do, or there is room for one more where idle ones end."""
        if any(self._actors[actor] == resources for actor in self._idle):
            return True
        if not resources.gpus and sum(held == resources for held in self._actors.values()) >= self._workers:
            return False
        return self._has_room(resources, [actor for _, actor in self._jobs.values()])

    def submit(self, task: Task, about: Record, resources: Resources) -> None:
        """Begin a task."""
        actor = next((actor for actor in self._idle if self._actors[actor] == resources), None)
        if actor is None:
            actor = self._begin(resources)
        else:
            self._idle.remove(actor)
        self._jobs[actor.run.remote(self._root, self._stages, task, about)] = (task, about), actor

    def ended(self, timeout: float) -> list[tuple[Task, Ran]]:
        """What ended, waiting for something to."""
        ready, _ = self._ray.wait(list(self._jobs), timeout=timeout)
        self._has = self._ray.cluster_resources()
        return [self._take(reference) for reference in ready]

    def close(self) -> None:
        """End the actors and leave the cluster; what they were at is begun anew by the next build."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._watcher.kill()
        self._ray.shutdown()

    def _take(self, reference: Any) -> tuple[Task, Ran]:
        (task, about), actor = self._jobs.pop(reference)
        try:
            ran: Ran = self._ray.get(reference)
        except self._ray.exceptions.RayActorError:
            del self._actors[actor]
            return task, died(self._root, task, about)
        except self._ray.exceptions.RayTaskError as error:  # what the run raised, wrapped in the actor's trace
            raise error.cause from None
        self._idle.append(actor)
        return task, ran

    def _begin(self, resources: Resources) -> Any:
        for idle in [actor for actor in self._idle if (self._actors[actor].gpus > 0) == (resources.gpus > 0)]:
            if self._has_room(resources, self._actors):
                break
            self._idle.remove(idle)
            del self._actors[idle]
            self._ray.kill(idle)
        cpus = 0 if resources.gpus else resources.cpus
        # The build keeps its own account of the runs; Ray's, of up to 100,000, would grow in memory meanwhile.
        options = {"num_cpus": cpus, "num_gpus": resources.gpus, "enable_task_events": False}
        actor = self._ray.remote(_Actor).options(**options).remote()
        self._actors[actor] = resources
        return actor

    def _has_room(self, resources: Resources, beside: Iterable[Any]) -> bool:
        """Whether the cluster has what one more takes, beside some actors."""
        held = [self._actors[actor] for actor in beside]
        if resources.gpus:
            return sum(each.gpus for each in held) + resources.gpus <= self._has.get("GPU", 0) + ROUNDING
        return sum(each.cpus for each in held if not each.gpus) + resources.cpus <= self._has.get("CPU", 0) + ROUNDING


def _end_with_driver() -> None:
    """End what the driver had begun when it is no more: of a Ray of its own, some processes stay for a minute."""
    parent, begun = parent_process(), set[psutil.Process]()
    assert parent is not None
    driver = psutil.Process(parent.pid)
    while not wait([parent.sentinel], LOOK):
        with suppress(psutil.Error):
            begun |= {process for process in driver.children(recursive=True) if process.pid != os.getpid()}
    for process in begun:
        with suppress(psutil.Error):
            process.kill()


class _Actor:
    """A process of the cluster."""

    def __init__(self) -> None:
        import cv2

        cv2.setNumThreads(1)

    def run(self, root: Path, stages: bytes, task: Task, about: Record) -> Ran:
        return run_task(root, stages, task, about)

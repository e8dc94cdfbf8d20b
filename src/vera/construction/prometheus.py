"""A build's progress as Prometheus reads it, at an address, while the build runs."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vera.construction.engine.run import Ran
from vera.construction.engine.state import Task
from vera.errors import VeraError
from vera.optional import need

Counts = Counter[tuple[str, str, str]]  # tasks by stage, state and reason


@contextmanager
def served_metrics(address: str, counts: Callable[[], Counts]) -> Iterator[Callable[[Task, Ran], None]]:
    """Serve metrics at `address`, PORT or HOST:PORT, and give what is to be told of each run; `counts` is asked for the
    tasks at every reading, in another thread.

    VeraError for what is no address, one that cannot be had, and without prometheus-client.
    """
    found = re.fullmatch(r"(?:(?P<host>[\w.-]+|\[[0-9a-fA-F:]+\]):)?(?P<port>\d{1,5})", address, re.ASCII)
    if found is None or int(found["port"]) > 65535:
        raise VeraError(f"--metrics {address}: is PORT or HOST:PORT, such as 9464 or 0.0.0.0:9464")
    client = need("prometheus_client", "prometheus-client", "--metrics", "construct")
    registry = client.CollectorRegistry()
    registry.register(_Tasks(counts))
    runs = client.Counter("vera_build_runs", "Runs of stages of this process", ("stage", "status"), registry=registry)
    clock = client.Counter("vera_build_run_seconds", "Their seconds by the clock", ("stage",), registry=registry)
    cpu = client.Counter("vera_build_cpu_seconds", "Their seconds of a core", ("stage",), registry=registry)

    def observe(task: Task, ran: Ran) -> None:
        runs.labels(task.stage, ran.status).inc()
        clock.labels(task.stage).inc(ran.seconds)
        cpu.labels(task.stage).inc(ran.cpu)

    try:
        server, thread = client.start_http_server(
            int(found["port"]), (found["host"] or "127.0.0.1").strip("[]"), registry
        )
    except OSError as error:
        raise VeraError(f"--metrics {address}: {error.strerror or error}") from None
    server.handle_error = lambda request, client: None  # a reader that hangs up is none of the build's business
    try:
        yield observe
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Tasks:
    """The tasks of the folder, those of other builds too."""

    def __init__(self, counts: Callable[[], Counts]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Any]:
        """One family; without samples while the index cannot be had, of which the build itself tells."""
        from prometheus_client.core import GaugeMetricFamily

        tasks = GaugeMetricFamily(
            "vera_build_tasks", "Stages of sources, clips and objects", labels=("stage", "state", "reason")
        )
        try:
            for key, count in sorted(self._counts().items()):
                tasks.add_metric(key, count)
        except (VeraError, OSError):
            pass
        yield tasks

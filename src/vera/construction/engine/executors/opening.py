"""The executor that a build asks for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from vera.construction.engine.executors.executor import Executor
from vera.construction.engine.executors.local import InProcess, Processes
from vera.construction.engine.run import stage_bytes
from vera.construction.engine.stage import Stage
from vera.errors import VeraError

Where = Literal["local", "ray"]


def open_executor(where: Where, root: Path, stages: Sequence[Stage], workers: int) -> Executor:
    """An executor of `workers` runs at a time: this process for one, processes for more, or a cluster's.

    VeraError where a stage needs a GPU and there is none, or Ray is asked for and missing.
    """
    packed, needing = stage_bytes(tuple(stages)), [stage for stage in stages if stage.resources.gpus > 0]
    if where == "ray":
        from vera.construction.engine.executors.ray import RayActors

        actors = RayActors(root, packed, workers)
        if lacking := next((stage for stage in stages if not actors.takes(stage.resources)), None):
            actors.close()
            raise VeraError(_without_gpu(lacking) if lacking in needing else f"{lacking.name}: the cluster has no core")
        return actors
    gpus = _count_gpus() if needing else 0
    if needing and not gpus:
        raise VeraError(_without_gpu(needing[0]))
    return InProcess(root, packed) if workers <= 1 else Processes(root, packed, workers, gpus)


def _without_gpu(stage: Stage) -> str:
    return (
        f"{stage.name}: its model wants a GPU, and there is none here; set its device to cpu, use --executor ray with "
        "a cluster that has some, or take the model out of the recipe"
    )


def _count_gpus() -> int:
    import torch

    return torch.cuda.device_count()

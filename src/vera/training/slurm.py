"""Training as a job of SLURM, by submitit: one task for each GPU, requeued when its time is over or others need it."""

import re
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Any

from vera.data.sources import open_layer_data
from vera.errors import VeraError
from vera.fields import check_plain
from vera.training import load_recipe
from vera.training.overrides import Overrides
from vera.training.run.inputs import check_run_outputs

NOTICE = 600  # seconds before the end of its time in which a job finishes its step and writes a checkpoint
PATIENCE = 30  # seconds between the first task's notice and the last one's


@dataclass(frozen=True)
class Job:
    """What to ask SLURM for. `restarts` is how often the run goes on after its `hours` are over."""

    nodes: int = 1
    gpus_per_node: int = 8
    cpus_per_gpu: int = 8
    hours: float = 24.0
    partition: str | None = None
    account: str | None = None
    restarts: int = 20


@dataclass(frozen=True)
class Training:
    """What each task runs: a process of the run, as torchrun would start it."""

    recipe: Path
    overrides: Overrides = field(default_factory=dict)
    open_data: Any = open_layer_data  # as `vera.training.run.loop.train` takes it

    def __call__(self) -> None:
        """Train in a task of a SLURM job, and requeue it when its time is over."""
        from submitit.core.job_environment import JobEnvironment
        from submitit.helpers import TorchDistributedEnvironment

        from vera.training.run.loop import train

        TorchDistributedEnvironment().export(set_cuda_visible_devices=False, overwrite=True)
        notice = JobEnvironment._usr_sig()
        requeue: Any = signal.getsignal(notice)
        ignored = signal.getsignal(signal.SIGTERM)
        noticed: list[FrameType | None] = []

        def stop(number: int, frame: FrameType | None) -> None:
            if signal.getsignal(signal.SIGTERM) == ignored:  # not in the loop: nothing to save
                requeue(number, frame)
            noticed.append(frame)
            signal.raise_signal(signal.SIGTERM)  # the loop ends after this step, with a checkpoint

        signal.signal(notice, stop)
        if train(self.recipe, overrides=self.overrides, open_data=self.open_data) is None:
            return
        if noticed:
            requeue(notice, noticed[0])
        else:  # another task had the notice first; ours, when it comes, requeues from here
            time.sleep(PATIENCE)

    def checkpoint(self) -> Any:
        """What submitit runs when the job has been requeued: the same, which resumes."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def submit(
    recipe_path: Path,
    job: Job,
    overrides: Overrides = MappingProxyType({}),
    *,
    cluster: str = "slurm",
    open_data: Any = open_layer_data,
) -> Any:
    """Hand the run to SLURM and return submitit's job; its logs are in `slurm/` of the run's folder.

    `overrides` are fields of the recipe that are changed, as `vera.training.train` takes them.

    VeraError for a recipe that cannot be read, without submitit, and where there is no SLURM.
    """
    recipe = load_recipe(recipe_path, overrides)
    check_run_outputs(recipe_path, recipe, overrides)
    try:
        import submitit
    except ImportError:
        raise VeraError("--slurm needs submitit: pip install 'vera-layers[slurm]'") from None
    folder = (Path(recipe.output) / "slurm").resolve()
    # What stands in the job's script: a newline would end its comment there, in a link's target as in the recipe.
    for name, text in (("output", str(folder)), ("partition", job.partition), ("account", job.account)):
        check_plain(text, f"{recipe_path}: {name}")
    try:
        executor = submitit.AutoExecutor(folder, cluster=cluster, slurm_max_num_timeout=job.restarts)
    except RuntimeError:
        raise VeraError("--slurm: this machine has no srun; submit from a login node of the cluster") from None
    executor.update_parameters(
        name=_job_name(folder.parent),
        nodes=job.nodes,
        tasks_per_node=job.gpus_per_node,
        gpus_per_node=job.gpus_per_node,
        cpus_per_task=job.cpus_per_gpu,
        timeout_min=max(1, round(job.hours * 60)),
        stderr_to_stdout=True,
        slurm_partition=job.partition,
        slurm_account=job.account,
        slurm_signal_delay_s=NOTICE,
    )
    return executor.submit(Training(recipe_path.resolve(), dict(overrides), open_data))


def _job_name(run: Path) -> str:
    """The run's name in letters, digits, `.`, `_` and `-`, which no shell or scheduler reads as anything else."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", run.name).lstrip("-.") or "vera"

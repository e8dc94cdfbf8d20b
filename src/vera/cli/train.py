"""`vera train`."""

from collections.abc import Iterable
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from vera.cli.options import Flag, parse_overrides, parse_size
from vera.cli.signals import EndedError
from vera.cli.terminal import say
from vera.errors import VeraError

PLAN = Parameter(group=Group("With --plan", sort_key=1))
SLURM = Parameter(group=Group("With --slurm", sort_key=2))


def train(
    recipe: Path,
    /,
    *overrides: Annotated[str, Parameter(allow_leading_hyphen=True)],
    plan: Flag = False,
    slurm: Flag = False,
    gpus: Annotated[int, PLAN] = 8,
    gpu: Annotated[Literal["a100", "h100", "h200", "b200"], PLAN] = "h100",
    mfu: Annotated[float, PLAN] = 0.4,
    size: Annotated[str | None, PLAN] = None,
    frames: Annotated[int | None, PLAN] = None,
    nodes: Annotated[int, SLURM] = 1,
    gpus_per_node: Annotated[int, SLURM] = 8,
    cpus_per_gpu: Annotated[int, SLURM] = 8,
    hours: Annotated[float, SLURM] = 24.0,
    partition: Annotated[str | None, SLURM] = None,
    account: Annotated[str | None, SLURM] = None,
    restarts: Annotated[int, SLURM] = 20,
) -> None:
    """Train a model from a recipe. Run the same command again to resume.

    Parameters
    ----------
    recipe
        YAML file that describes the run, such as `recipes/nano.yaml`.
    overrides
        Fields of the recipe to change, by their dotted names: `--objective.shift 15 --betas "[0.9, 0.95]"`.
    plan
        Estimate the run's memory and time instead of training. Needs no data, weights or GPU.
    slurm
        Submit the run to SLURM, with one task for each GPU, and return.
    gpus
        Number of GPUs.
    gpu
        Kind of GPU; always the large server version.
    mfu
        Assumed share of the GPUs' peak rate, 0 to 1. Recomputation counts as work.
    size
        Frame size, WxH. Default: that of the recipe's sampling.
    frames
        Frames in a clip. Default: that of the recipe's sampling.
    nodes
        Number of machines.
    gpus_per_node
        GPUs in each machine.
    cpus_per_gpu
        CPU cores for each GPU, which the recipe's workers share.
    hours
        Time limit of the job. A run that is not done by then writes a checkpoint and is queued again.
    partition
        SLURM partition. Default: the cluster's.
    account
        SLURM account. Default: yours on the cluster.
    restarts
        How often the run may be queued again after its time limit.
    """
    changes = parse_overrides(overrides)
    _check_names(changes)
    if plan:
        from vera.training import load_recipe
        from vera.training.planning.plan import describe, make_plan

        wanted = None if size is None else parse_size(size)
        made = make_plan(load_recipe(recipe, changes), gpus=gpus, gpu=gpu, mfu=mfu, frames=frames, size=wanted)
        say(*describe(made, gpu, mfu))
    elif slurm:
        from vera.training.slurm import Job, submit

        job = submit(recipe, Job(nodes, gpus_per_node, cpus_per_gpu, hours, partition, account, restarts), changes)
        say(f"job {job.job_id}, logs in {job.paths.folder}")
    else:
        from vera.training import train as run

        if (number := run(recipe, overrides=changes, report=say)) is not None:
            raise EndedError(number)


def _check_names(names: Iterable[str]) -> None:
    """VeraError for what is no field and looks like an option of this command, or like a field, that was misspelt."""
    from vera.training import Recipe

    fields = Recipe.__dataclass_fields__
    options = list(signature(train).parameters)[2:]  # after `recipe` and `overrides`
    known = [*fields, *(name.replace("_", "-") for name in options)]
    for name in names:
        near = get_close_matches(name, known, 1)
        if name.split(".")[0] not in fields and near:
            raise VeraError(f"--{name:.80}: is no option and no field of a recipe; did you mean --{near[0]}?")

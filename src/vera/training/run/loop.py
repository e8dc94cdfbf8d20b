"""The training loop.

Batch, noise and learning rate of a step are functions of the recipe and the step alone, so a run that was killed and
goes on from its last checkpoint, in as many processes as there are then, is the run that was never stopped.
"""

import dataclasses
import signal
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import nn

from vera.data.sample import LatentSample, LayerData, LayeredSample
from vera.data.sources import check_share, open_layer_data
from vera.errors import VeraError
from vera.hardware import Autocast, kept_threads, make_autocast
from vera.resumable import alone_in
from vera.training.batches import EVAL_STEP, Batch, LatentBatch, Share, check_bad_share, iterate_batches, load_sample
from vera.training.export import replace_folder
from vera.training.methods import make_method
from vera.training.methods.base import Method
from vera.training.overrides import Overrides
from vera.training.parallel.distributed import World, local, start_world, whole
from vera.training.parallel.weights import gather_lora, gather_model
from vera.training.recipe import Recipe, load_recipe, recipe_text
from vera.training.run.checkpoint import latest_checkpoint
from vera.training.run.clock import Clock
from vera.training.run.ema import averaged, update_average
from vera.training.run.inputs import COPY, check_run_outputs, is_copy
from vera.training.run.log import Log
from vera.training.run.schedule import learning_rate
from vera.training.run.state import State, changed, resume, save, start
from vera.whole import write_text

SKIPPED = 10  # steps in a row whose gradient is not finite, after which a run ends

OpenData = Callable[[Mapping[str, Any], bool], LayerData]


@dataclasses.dataclass(frozen=True)
class Run:
    """What stays the same from step to step."""

    recipe: Recipe
    method: Method
    world: World
    autocast: Autocast
    log: Log | None  # of the main process
    report: Callable[[str], None]
    clock: Clock = dataclasses.field(default_factory=Clock)

    @property
    def folder(self) -> Path:
        """Where the run is kept."""
        return Path(self.recipe.output)


@kept_threads()
def train(
    recipe_path: Path,
    *,
    overrides: Overrides = MappingProxyType({}),
    resume_run: bool = True,
    open_data: OpenData = open_layer_data,
    report: Callable[[str], None] = print,
) -> int | None:
    """Train by a recipe until its last step; a run that was stopped goes on from its last checkpoint.

    `overrides` are fields of the recipe by dotted name that are changed, as edits of it would change them. Alone it is
    one process; torchrun starts as many as there are devices. `open_data` gets the recipe's `data` and
    whether the held-out part is wanted. Interrupt, SIGTERM, SIGUSR1 or SIGHUP end the run after the current step, with
    a checkpoint, and the signal's number is returned, else None. Raises VeraError for a recipe that cannot be run,
    without `resume_run` if there is a run already, and when a run diverges: its last checkpoint is one from before.
    """
    recipe = load_recipe(Path(recipe_path), overrides)
    check_run_outputs(Path(recipe_path), recipe, overrides)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    with start_world(recipe.device, recipe.context_parallel) as world:
        told = report if world.main else lambda line: None
        return _train(recipe, Path(recipe_path), world, resume_run, open_data, told)


def _train(
    recipe: Recipe,
    path: Path,
    world: World,
    resume_run: bool,
    open_data: OpenData,
    report: Callable[[str], None],
) -> int | None:
    check_share(recipe.data, recipe.batch_size, world.data_size)
    data, held_out = open_data(recipe.data, False), open_data(recipe.data, True)
    samples = _held_out_samples(recipe, held_out, report)
    autocast = make_autocast(recipe.dtype, world.device)
    method = make_method(recipe, samples, world.device, autocast)
    method.check_data(data)
    folder = Path(recipe.output)
    with ExitStack() as held:
        hold = partial(_hold, folder, held)
        is_new = not world.first(folder.is_dir)
        if not is_new:
            world.first(hold)
        checkpoint = latest_checkpoint(folder / "checkpoints")
        if checkpoint and not resume_run:
            raise VeraError(f"{folder}: holds a run already; resume it, delete it or choose another output")
        state = resume(recipe, method, data, checkpoint, world) if checkpoint else start(recipe, method, data, world)
        if is_new:  # not before, so that a recipe that cannot be run leaves nothing behind
            world.first(hold)
        for line in changed(recipe, state, checkpoint) if checkpoint else ():
            report(line)
        run = Run(recipe, method, world, autocast, _open_log(recipe, path, state.step) if world.main else None, report)
        if run.log is not None:
            held.callback(run.log.close)
        processes = f", {world.size} processes" if world.size > 1 else ""
        report(
            f"{folder}: {_count(state.model)} parameters trained, from step {state.step} on {world.device}{processes}"
        )
        # Closed, or an error, whose traceback holds the loader, would keep its workers, and the process wait for them.
        with stop_signals() as stop, closing(_batches(run, state, data)) as batches:
            _run(run, state, batches, stop)
        if state.step >= recipe.steps:
            return None
        report(f"stopped  after step {state.step} of {recipe.steps}; the same command goes on")
        return stop[0] if stop else signal.SIGTERM  # which another process of the run had


def _held_out_samples(
    recipe: Recipe, data: LayerData, report: Callable[[str], None]
) -> list[LayeredSample | LatentSample]:
    """The samples that a run is watched by; each bad one, for which another stands in, is reported."""
    samples = []
    for index in range(recipe.sampling.count):
        sample, bad = load_sample(data, EVAL_STEP + index, 1, 0, recipe.max_bad_share)
        samples.append(sample)
        for problem in bad:
            report(f"skipped  {problem}")
    return samples


def _hold(folder: Path, held: ExitStack) -> None:
    """Let no other run write into a folder, which is made."""
    with _writing(folder):
        held.enter_context(alone_in(folder))


def _open_log(recipe: Recipe, path: Path, step: int) -> Log:
    folder = Path(recipe.output)
    with _writing(folder):
        if not is_copy(path, folder):
            write_text(folder / COPY, recipe_text(recipe))
        return Log(folder, step)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Tell what the system says of a run's folder in one line."""
    try:
        yield
    except OSError as error:
        raise VeraError(f"{folder}: cannot be written ({error.strerror or error}); choose another output") from None


def _run(run: Run, state: State, batches: Iterator[Batch | LatentBatch], stop: list[int]) -> None:
    recipe, world, clock = run.recipe, run.world, run.clock
    if state.step == 0:
        with clock.paused():
            _evaluate(run, state)
    if state.step >= recipe.steps:  # whatever ended it after its last checkpoint may have come before the export
        _export(run, state)
    if state.step > recipe.steps:
        run.report(f"warning  {state.step} steps are done, the recipe has {recipe.steps}: there is nothing left to do")
    stopping = False
    while state.step < recipe.steps and not stopping:
        rate = learning_rate(recipe, state.step)
        norm = train_step(run, state, batches, rate)
        _count_skipped(run, state, norm)
        update_average(state.average, state.model, state.step, recipe.ema_decay)
        state.step += 1
        stopping = world.any(bool(stop))

        if state.step % recipe.log_every == 0:
            figures = state.meter.take() | {"learning_rate": rate, "gradient_norm": norm} | clock.take()
            if run.log is not None:
                run.log.write(state.step, figures)
            _report(run, f"step {state.step}/{recipe.steps}", figures)
        last_step = state.step == recipe.steps
        if state.step % recipe.sample_every == 0 or last_step:
            with clock.paused():
                _evaluate(run, state)
        if (state.step % recipe.checkpoint_every == 0 and not state.skipped) or last_step or stopping:
            with clock.paused():
                _check_finite(run, state, last_step)
                if run.log is not None:
                    run.log.sync()
                save(recipe, state, world)
                _export(run, state)


def train_step(run: Run, state: State, batches: Iterator[Batch | LatentBatch], rate: float) -> float:
    """One update of the weights; returns the norm of the gradient before clipping."""
    recipe, world = run.recipe, run.world
    for optimizer in state.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
    for part in range(recipe.accumulate):
        with run.clock.waiting():
            batch = next(batches)
        run.clock.samples += len(batch) * world.data_size
        index = state.step * recipe.accumulate + part
        seeds = sample_seeds(recipe.seed, index, world.data_rank * len(batch), len(batch))
        with run.autocast():
            loss, figures = run.method.loss(state.model, batch.to(world.device), seeds)
        # Gradients are averaged over all processes; those that share a sample each have a part, to be summed.
        (loss * world.context_size / recipe.accumulate).backward()  # type: ignore[no-untyped-call]
        state.meter.add(figures | {"bad_share": torch.tensor([1.0] * len(batch.bad) + [0.0] * len(batch))})
    trained = [parameter for parameter in state.model.parameters() if parameter.requires_grad]
    norm = whole(torch.nn.utils.clip_grad_norm_(trained, recipe.clip, foreach=True)).item()
    if np.isfinite(norm):  # one broken batch must not break the weights
        for optimizer in state.optimizers:
            optimizer.step()
    state.model.zero_grad(set_to_none=True)
    return norm


def _count_skipped(run: Run, state: State, norm: float) -> None:
    """Count steps in a row that left the weights as they were; VeraError when they are too many for broken batches."""
    state.skipped = 0 if np.isfinite(norm) else state.skipped + 1
    state.meter.add({"skipped_share": torch.tensor(float(state.skipped > 0))})
    if state.skipped:
        run.report(f"skipped  step {state.step + 1}: its gradient is not finite")
    if state.skipped == SKIPPED:
        raise _diverged(run, state.step + 1, f"the gradients of the last {SKIPPED} steps are not finite")


def _check_finite(run: Run, state: State, last_step: bool) -> None:
    """Raise VeraError instead of a checkpoint that would take the place of a better one."""
    if last_step and state.skipped > 1:
        raise _diverged(run, state.step, f"the gradients of the last {state.skipped} steps are not finite")
    held = [local(tensor.detach()) for tensor in (*state.model.parameters(), *state.average.values())]
    if run.world.any(not torch.stack([tensor.isfinite().all() for tensor in held]).all()):
        raise _diverged(run, state.step, "weights are not finite")


def _diverged(run: Run, step: int, how: str) -> VeraError:
    latest = latest_checkpoint(run.folder / "checkpoints")
    kept = f"{latest} is from before" if latest else "there is no checkpoint from before"
    return VeraError(f"step {step}: {how}: the run has diverged; lower learning_rate, or check the data. {kept}")


def sample_seeds(seed: int, index: int, first: int, count: int) -> list[int]:
    """The randomness of samples `first` to `first + count - 1` of batch `index`."""
    words = (np.random.SeedSequence((seed, index, first + i)).generate_state(2, np.uint32) for i in range(count))
    return [int(high) << 31 | int(low) >> 1 for high, low in words]


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list to which an interrupt, SIGTERM, SIGUSR1 or SIGHUP adds its number; a second interrupt ends the process.

    SIGUSR1 is what SLURM's `--signal` is often told to send, SIGHUP comes when a terminal closes. What nohup has
    made of the one and submitit of the other holds.
    """
    stop: list[int] = []
    free = [signal.SIGUSR1] if signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL else []
    free += [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN else []

    def request(number: int, frame: object) -> None:
        stop.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    handlers = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM, *free)}
    try:
        yield stop
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _batches(run: Run, state: State, data: LayerData) -> Generator[Batch | LatentBatch, None, None]:
    """The batches to come, while the share of bad samples in this process is small; each bad one is reported."""
    recipe, seen, bad = run.recipe, 0, 0
    first, last = state.step * recipe.accumulate, recipe.steps * recipe.accumulate
    share = Share(run.world.data_rank, run.world.data_size)
    for batch in iterate_batches(data, recipe.batch_size, first, last, recipe.workers, share, recipe.max_bad_share):
        seen += len(batch) + len(batch.bad)
        bad += len(batch.bad)
        for problem in batch.bad:
            run.report(f"skipped  {problem}")
        if batch.bad:
            check_bad_share(bad, seen, run.recipe.max_bad_share, batch.bad[-1])
        yield batch


def _evaluate(run: Run, state: State) -> None:
    sheet = run.folder / "samples" / f"step-{state.step:08d}.png" if run.world.main else None
    with averaged(state.model, state.average):
        state.model.eval()
        figures = run.method.evaluate(state.model, sheet)
        state.model.train()
    if run.log is not None:
        run.log.write(state.step, figures)
    _report(run, f"step {state.step}", figures)
    if run.world.any(not all(map(np.isfinite, figures.values()))):
        raise _diverged(run, state.step, "figures of the averaged weights are not finite")


def _export(run: Run, state: State) -> None:
    recipe, keep = run.recipe, run.world.main
    with averaged(state.model, state.average):
        if recipe.lora is not None:
            exported: Any = gather_lora(state.model, recipe.export_dtype, keep)
        else:
            exported = gather_model(state.model, run.method.model_class(), recipe.export_dtype, keep)
    run.world.first(lambda: replace_folder(run.folder / "ema", partial(run.method.save, exported)))


def _report(run: Run, head: str, figures: Mapping[str, float]) -> None:
    run.report(f"{head}  " + "  ".join(f"{name} {value:.4g}" for name, value in figures.items()))


def _count(model: nn.Module) -> str:
    return f"{sum(p.numel() for p in model.parameters() if p.requires_grad):,}"

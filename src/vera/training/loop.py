"""The training loop.

Batch, noise and learning rate of a step are functions of the recipe and the step alone, so a run that was killed and
goes on from its last checkpoint is the run that was never stopped.
"""

import dataclasses
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn

from vera.data.synthesis import SyntheticLayers
from vera.errors import VeraError
from vera.training.batches import BEYOND, Batch, LayerSource, iterate_batches
from vera.training.checkpoint import (
    latest_checkpoint,
    load_checkpoint,
    random_state,
    restore_random_state,
    save_checkpoint,
)
from vera.training.ema import copy_model, update_ema
from vera.training.export import replace_folder
from vera.training.hardware import Autocast, choose_device, make_autocast
from vera.training.log import Log, Meter
from vera.training.methods import Method, make_method
from vera.training.recipe import Recipe, load_recipe
from vera.training.schedule import learning_rate, make_optimizer


@dataclasses.dataclass
class State:
    """What a step changes, and what a checkpoint holds."""

    step: int  # steps done
    model: Any
    ema: Any
    optimizer: torch.optim.Optimizer
    meter: Meter


def train(
    recipe_path: Path,
    *,
    resume: bool = True,
    make_source: Callable[..., LayerSource] = SyntheticLayers,
    report: Callable[[str], None] = print,
) -> None:
    """Train by a recipe until its last step; a run that was stopped goes on from its last checkpoint.

    `make_source` gets the recipe's `data` and `held_out`. Interrupt or SIGTERM end the run after the current step, with
    a checkpoint. Raises VeraError for a recipe that cannot be run, or, without `resume`, if there is a run already.
    """
    recipe = load_recipe(Path(recipe_path))
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    device = choose_device(recipe.device)
    autocast = make_autocast(recipe.dtype, device)
    folder = Path(recipe.output)
    checkpoint = latest_checkpoint(folder / "checkpoints")
    if checkpoint and not resume:
        raise VeraError(f"{folder}: holds a run already; resume it, delete it or choose another output")

    source, held_out = _make_source(recipe, make_source, False), _make_source(recipe, make_source, True)
    samples = [held_out.batch(BEYOND + index, 1)[0] for index in range(recipe.sampling.count)]
    method = make_method(recipe, samples, device, autocast)
    state = _resume(recipe, method, checkpoint, device) if checkpoint else _start(recipe, method, source, device)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(_as_yaml(recipe), encoding="utf-8")
    log = Log(folder, state.step)
    report(f"{folder}: {_count(state.model)} parameters trained, from step {state.step} on {device}")
    try:
        with stop_signals() as stop:
            _run(recipe, method, state, source, log, device, autocast, stop, report)
    finally:
        log.close()


def _run(
    recipe: Recipe,
    method: Method,
    state: State,
    source: LayerSource,
    log: Log,
    device: torch.device,
    autocast: Autocast,
    stop: Event,
    report: Callable[[str], None],
) -> None:
    folder = Path(recipe.output)
    if state.step == 0:
        _evaluate(method, state, log, folder, report)
    first, last = state.step * recipe.accumulate, recipe.steps * recipe.accumulate
    batches = iterate_batches(source, recipe.batch_size, first, last, recipe.workers)
    clock = Clock()

    while state.step < recipe.steps and not stop.is_set():
        rate = learning_rate(recipe, state.step)
        norm = train_step(recipe, method, state, batches, rate, device, autocast, clock)
        update_ema(state.ema, state.model, state.step, recipe.ema_decay)
        state.step += 1

        if state.step % recipe.log_every == 0:
            figures = state.meter.take() | {"learning_rate": rate, "gradient_norm": norm} | clock.take()
            log.write(state.step, figures)
            report(f"step {state.step}/{recipe.steps}  " + "  ".join(f"{k} {v:.4g}" for k, v in figures.items()))
        last_step = state.step == recipe.steps
        if state.step % recipe.sample_every == 0 or last_step:
            with clock.paused():
                _evaluate(method, state, log, folder, report)
        if state.step % recipe.checkpoint_every == 0 or last_step or stop.is_set():
            with clock.paused():
                _save(recipe, state)
                replace_folder(folder / "ema", partial(method.save, state.ema))


def train_step(
    recipe: Recipe,
    method: Method,
    state: State,
    batches: Iterator[Batch],
    rate: float,
    device: torch.device,
    autocast: Autocast,
    clock: "Clock",
) -> float:
    """One update of the weights; returns the norm of the gradient before clipping."""
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    for part in range(recipe.accumulate):
        with clock.waiting():
            batch = next(batches)
        clock.samples += len(batch)
        generator = step_generator(recipe.seed, state.step * recipe.accumulate + part, device)
        with autocast():
            loss, figures = method.loss(state.model, batch.to(device), generator)
        (loss / recipe.accumulate).backward()  # type: ignore[no-untyped-call]
        state.meter.add(figures)
    norm = torch.nn.utils.clip_grad_norm_(state.model.parameters(), recipe.clip, foreach=True).item()
    if np.isfinite(norm):  # one broken batch must not break the weights
        state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    return norm


def step_generator(seed: int, index: int, device: torch.device) -> torch.Generator:
    """The noise of batch `index`."""
    words = np.random.SeedSequence((seed, index)).generate_state(2, np.uint32)
    return torch.Generator(device).manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)


class Clock:
    """Samples a second, and the time spent waiting for data, since the last `take`; pauses do not count."""

    def __init__(self) -> None:
        self.samples = 0
        self._waited = 0.0
        self._since = time.perf_counter()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._waited += time.perf_counter() - start

    @contextmanager
    def paused(self) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._since += time.perf_counter() - start

    def take(self) -> dict[str, float]:
        now = time.perf_counter()
        figures = {"samples_per_second": self.samples / (now - self._since), "data_wait_seconds": self._waited}
        self.samples, self._waited, self._since = 0, 0.0, now
        return figures


@contextmanager
def stop_signals() -> Iterator[Event]:
    """An event that an interrupt or SIGTERM sets; a second interrupt ends the process at once."""
    stop = Event()

    def request(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    handlers = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _start(recipe: Recipe, method: Method, source: LayerSource, device: torch.device) -> State:
    torch.manual_seed(recipe.seed)
    return _state(recipe, method, method.make_model(source), device)


def _resume(recipe: Recipe, method: Method, checkpoint: Path, device: torch.device) -> State:
    saved = load_checkpoint(checkpoint)
    if (saved["method"], saved["recipe_model"]) != (recipe.method, recipe.model):
        raise VeraError(
            f"{checkpoint}: was trained as {saved['method']} with model {saved['recipe_model']}; "
            "restore that in the recipe or choose another output"
        )
    state = _state(recipe, method, method.model_class().from_config(saved["config"]), device)
    state.model.load_state_dict(saved["model"])
    state.ema.load_state_dict(saved["ema"])
    state.optimizer.load_state_dict(saved["optimizer"])
    state.meter = Meter(saved["meter"])
    state.step = saved["step"]
    restore_random_state(saved["random"])
    return state


def _state(recipe: Recipe, method: Method, model: Any, device: torch.device) -> State:
    model.to(device).train()
    method.freeze(model)
    ema = copy_model(model)
    if recipe.compile:
        model.compile()
    return State(0, model, ema, make_optimizer(recipe, model), Meter())


def _save(recipe: Recipe, state: State) -> None:
    content = {
        "step": state.step,
        "method": recipe.method,
        "recipe_model": recipe.model,
        # Without diffusers' own entries: `from_config` would reset what `_use_default_values` lists, such as latent
        # statistics that were registered after the model was made.
        "config": {name: value for name, value in state.model.config.items() if not name.startswith("_")},
        "model": state.model.state_dict(),
        "ema": state.ema.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "meter": state.meter.state(),
        "random": random_state(),
    }
    save_checkpoint(Path(recipe.output) / "checkpoints", state.step, content)


def _evaluate(method: Method, state: State, log: Log, folder: Path, report: Callable[[str], None]) -> None:
    figures = method.evaluate(state.ema, folder / "samples" / f"step-{state.step:08d}.png")
    log.write(state.step, figures)
    report(f"step {state.step}  " + "  ".join(f"{name} {value:.4g}" for name, value in figures.items()))


def _make_source(recipe: Recipe, make_source: Callable[..., LayerSource], held_out: bool) -> LayerSource:
    try:
        return make_source(**recipe.data, held_out=held_out)
    except TypeError as error:
        raise VeraError(f"data: {error}") from None


def _as_yaml(recipe: Recipe) -> str:
    plain = dataclasses.asdict(recipe) | {"betas": list(recipe.betas)}
    return yaml.safe_dump(plain, sort_keys=False)


def _count(model: nn.Module) -> str:
    return f"{sum(p.numel() for p in model.parameters() if p.requires_grad):,}"

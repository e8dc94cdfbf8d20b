"""What a run changes step by step, from new, from a checkpoint, and into one."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import torch
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

from vera.data.sample import LayerData, epoch_lengths
from vera.errors import VeraError, first_line
from vera.fields import Range, check_value
from vera.fingerprints import path_fingerprint
from vera.hardware import computes_in_bf16
from vera.models.context_parallel import enable_context_parallel
from vera.models.conversion.checkpoint import DIFFUSERS_STEM, weight_files
from vera.training.lora import add_lora
from vera.training.methods.base import Method
from vera.training.networks import WRONG, empty_model
from vera.training.parallel.distributed import World, shard
from vera.training.parallel.weights import initialise_lora, load_weights, materialise, public_config
from vera.training.recipe import MOST, Recipe, check_model, recipe_fields
from vera.training.run.checkpoint import load_tensors, read_record, save_checkpoint
from vera.training.run.ema import Average, start_average
from vera.training.run.log import Meter
from vera.training.run.schedule import make_optimizers

FORMS = 64  # of compiled blocks
_BATCH = ("batch_size", "accumulate")  # whose change has a warning of its own


@dataclasses.dataclass
class State:
    """What a step changes, and what a checkpoint holds."""

    step: int  # steps done
    model: Any
    average: Average
    optimizers: list[torch.optim.Optimizer]
    meter: Meter
    identity: dict[str, Any]  # what a run cannot change when it goes on
    lengths: tuple[int, ...]  # of the data's epochs
    skipped: int = 0  # steps in a row, up to the last one, whose gradient was not finite


@dataclasses.dataclass(frozen=True)
class Record:
    """What a checkpoint holds beside tensors. `run` cannot change when it goes on; `config` is the model's."""

    step: Annotated[int, Range(0, MOST)]
    run: dict[str, Any]
    config: dict[str, Any]
    meter: dict[str, tuple[float, float]]
    skipped: Annotated[int, Range(0, MOST)] = 0
    batch: tuple[int, int] | None = None  # batch_size and accumulate
    recipe: dict[str, Any] = dataclasses.field(default_factory=dict)  # all of it; earlier checkpoints have none
    lengths: tuple[int, ...] | None = None  # of the data's epochs


def start(recipe: Recipe, method: Method, data: LayerData, world: World) -> State:
    """Step 0: new weights, the same in every process, or those of `init`."""
    torch.manual_seed(recipe.seed)
    model = method.make_model(data)
    _prepare(recipe, method, model, world)
    optimizers, meter = make_optimizers(recipe, model), Meter(world.sum)
    return State(0, model, start_average(model), optimizers, meter, _identity(recipe, method), epoch_lengths(data))


def resume(recipe: Recipe, method: Method, data: LayerData, checkpoint: Path, world: World) -> State:
    """The state that `save` left, for any number of processes."""
    record = _read_record(checkpoint)
    identity = _identity(recipe, method)
    for name, value in identity.items():
        if name in record.run and record.run[name] != value:
            raise VeraError(
                f"{checkpoint}: was trained with {name} {record.run[name]}, the recipe has {value}; "
                "restore that in the recipe or choose another output"
            )
    try:
        model = empty_model(method.model_class(), record.config)
    except WRONG as error:
        raise VeraError(f"{checkpoint}: has a config of no network ({first_line(error)}); delete it") from None
    _prepare(recipe, method, model, world, resumed=True)
    optimizers = make_optimizers(recipe, model)
    meter = Meter(world.sum, record.meter, world.main)
    average, lengths = start_average(model), epoch_lengths(data)
    state = State(record.step, model, average, optimizers, meter, identity, lengths, record.skipped)
    tensors = _tensors(recipe, state)
    load_tensors(checkpoint, tensors, world)
    set_model_state_dict(model, tensors["model"], options=StateDictOptions(strict=recipe.lora is None))
    _load_optimizers(model, optimizers, tensors["optimizer"])
    return state


def changed(recipe: Recipe, state: State, checkpoint: Path) -> list[str]:
    """Lines on what a run goes on with that its checkpoint was not trained with; of sections, their names."""
    record = _read_record(checkpoint)
    fields = json.loads(json.dumps(recipe_fields(recipe)))  # names in mappings are texts there
    now_and_was = {name: (now, record.recipe.get(name, now)) for name, now in fields.items() if name not in _BATCH}
    others = [
        name if isinstance(now, dict) or isinstance(was, dict) else f"{name} {json.dumps(now)}, not {json.dumps(was)}"
        for name, (now, was) in now_and_was.items()
        if now != was
    ]
    lines = [f"note     the recipe has changed since: {'; '.join(others)}"] if others else []
    if record.batch not in (None, (recipe.batch_size, recipe.accumulate)):
        size, parts = record.batch
        lines.append(
            f"warning  batches were {parts} of {size} a step, now {recipe.accumulate} of {recipe.batch_size}: data "
            "are counted by batch, so some samples of this epoch come twice, or not at all"
        )
    elif record.lengths not in (None, state.lengths):
        now, was = (
            " + ".join(map(str, lengths)) or "no fixed number of" for lengths in (state.lengths, record.lengths)
        )
        lines.append(
            f"warning  the data have {now} samples, {was} before: they come in another order, so some of this epoch "
            "come twice, or not at all"
        )
    return lines


def save(recipe: Recipe, state: State, world: World) -> None:
    """Write the checkpoint of the present step; every process must call."""
    config = public_config(state.model)
    batch = (recipe.batch_size, recipe.accumulate)
    record = Record(
        state.step,
        state.identity,
        config,
        state.meter.state(),
        state.skipped,
        batch,
        recipe_fields(recipe),
        state.lengths,
    )
    folder, fields = Path(recipe.output) / "checkpoints", dataclasses.asdict(record)
    save_checkpoint(folder, state.step, _tensors(recipe, state), fields, world)


def _read_record(checkpoint: Path) -> Record:
    record: Record = check_value(Record, read_record(checkpoint), f"{checkpoint}: record.json")
    for name, value in record.config.items():
        check_model(name, value, f"{checkpoint}: record.json: config: {name}")
    return record


def choose_trained(recipe: Recipe, model: Any) -> None:
    """Train what the recipe says: an adapter or the weights, and of those not the frozen branches'."""
    if recipe.lora is not None:
        add_lora(model, recipe.lora)
    for branch in recipe.freeze:
        _freeze_branch(model, branch)


def _prepare(recipe: Recipe, method: Method, model: Any, world: World, resumed: bool = False) -> None:
    """Choose what is trained, spread the model over the processes, and fill it if it is empty.

    Of a run that is `resumed` the checkpoint fills it, but for the base of a LoRA.
    """
    if recipe.lora is not None and recipe.init is None:
        raise VeraError("lora: adds to weights of init, which neither checkpoint nor export has; name their folder")
    method.check_model(model)
    method.freeze(model)
    choose_trained(recipe, model)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise VeraError("freeze: leaves nothing to train; take out a branch")
    if recipe.gradient_checkpointing:
        model.enable_gradient_checkpointing()
    if world.context_size > 1:
        enable_context_parallel(model, world.context_size, world.device.type)
    if recipe.compile:
        # Sizes and lengths, each trained on and sampled, are more than the 8 after which torch compiles no more.
        model.compile_repeated_blocks(recompile_limit=FORMS)
    empty = any(parameter.is_meta for parameter in model.parameters())
    if not empty:
        model.to(world.device)
    shard(model, world, computes_in_bf16(recipe.dtype, world.device) and not method.in_float32)
    if empty:
        materialise(model, world.device)
        if recipe.init is not None and (recipe.lora is not None or not resumed):
            load_weights(model, Path(recipe.init))
    if recipe.lora is not None:
        initialise_lora(model, recipe.seed)
    model.train()


def _freeze_branch(model: Any, branch: str) -> None:
    own = [parameter for name, parameter in model.named_parameters() if branch in name.split(".")]
    if not own:
        raise VeraError(f"freeze: {type(model).__name__} has no weights of a branch {branch}")
    for parameter in own:
        parameter.requires_grad_(False)


def _tensors(recipe: Recipe, state: State) -> dict[str, Any]:
    # A LoRA's base does not change: it comes from `init` again.
    options = StateDictOptions(ignore_frozen_params=recipe.lora is not None)
    return {
        "model": get_model_state_dict(state.model, options=options),
        "optimizer": get_optimizer_state_dict(state.model, state.optimizers),
        "average": state.average,
    }


def _load_optimizers(model: Any, optimizers: list[torch.optim.Optimizer], tensors: dict[str, Any]) -> None:
    """Load what new optimizers remember of past steps; how they go on is the recipe's, not the checkpoint's."""
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    recipes = [{name: value for name, value in group.items() if name != "params"} for group in groups]
    set_optimizer_state_dict(model, optimizers, tensors)
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]  # others now
    for group, own in zip(groups, recipes, strict=True):
        group.update(own)


def _identity(recipe: Recipe, method: Method) -> dict[str, Any]:
    """What a run cannot change when it goes on."""
    lora = None if recipe.lora is None else dataclasses.asdict(recipe.lora) | {"targets": list(recipe.lora.targets)}
    return {
        "method": recipe.method,
        "variant": recipe.variant,
        "optimizer": recipe.optimizer,
        "model": recipe.model,
        "lora": lora,
        "freeze": list(recipe.freeze),
        "base": _base(recipe),
        **method.identity(),
    }


def _base(recipe: Recipe) -> list[str] | None:
    """What tells the weights that a LoRA is trained on from others: a checkpoint does not hold them."""
    if recipe.lora is None or recipe.init is None:
        return None
    return [path_fingerprint(path) for path in weight_files(Path(recipe.init), DIFFUSERS_STEM)]

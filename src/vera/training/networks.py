"""Networks to train: new ones, and those of a folder with shapes only."""

from pathlib import Path
from typing import Any

from accelerate import init_empty_weights

from vera.errors import VeraError, first_line

# What a network's constructor raises for values that make no network.
WRONG = (TypeError, ValueError, ArithmeticError, RuntimeError, AttributeError, LookupError, MemoryError, AssertionError)


def empty_model(model_class: Any, config: dict[str, Any]) -> Any:
    """A model whose parameters have shapes only; its buffers are real."""
    with init_empty_weights(include_buffers=False):
        return model_class.from_config(config)


def new_model(model_class: Any, config: dict[str, Any]) -> Any:
    """A new float32 network; VeraError for a config that its class does not take."""
    try:
        return model_class(**config)
    except WRONG as error:
        raise VeraError(f"model: {type(error).__name__}: {first_line(error)}") from None


def model_of(model_class: Any, config: dict[str, Any], init: str) -> Any:
    """The network of folder `init`, with shapes only; VeraError where the recipe's `config` says otherwise."""
    held = config_of(model_class, init)
    try:
        model = empty_model(model_class, held)
    except WRONG as error:
        raise VeraError(f"init: {init} has a config of no network: {first_line(error)}") from None
    for name, value in config.items():
        if plain(model.config.get(name)) != plain(value):
            raise VeraError(
                f"model: {name} is {value!r} in the recipe, {model.config.get(name)!r} in {init}; make them agree"
            )
    return model


def config_of(model_class: Any, init: str) -> dict[str, Any]:
    """The config of the network in folder `init`; VeraError if there is none of this class."""
    if not Path(init).is_dir():  # diffusers would take it for a name on the hub
        raise VeraError(f"init: there is no folder {init}; correct the path, or make it first")
    try:
        held = model_class.load_config(init, local_files_only=True)
    except (OSError, ValueError) as error:
        raise VeraError(f"init: no {model_class.__name__} in {init}: {first_line(error)}") from None
    if held.get("_class_name") != model_class.__name__:
        raise VeraError(f"init: {init} holds a {held.get('_class_name')}, this recipe trains a {model_class.__name__}")
    return {name: value for name, value in held.items() if not name.startswith("_")}


def plain(value: Any) -> Any:
    """A value of a config as JSON gives it back."""
    return list(value) if isinstance(value, tuple) else value

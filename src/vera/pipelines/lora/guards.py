"""Changes of adapters that peft would make halfway, or without effect, and not say so: refused."""

from collections.abc import Collection
from numbers import Real
from typing import Any

from vera.errors import VeraError
from vera.pipelines.offloaded import has_no_values, is_on_disk

LARGEST_WEIGHT = 100.0  # of an adapter


def check_weight(weight: Any, what: str) -> None:
    """VeraError unless an adapter can have this weight: others fail in a forward, or break the weights for ever."""
    if not isinstance(weight, Real) or not abs(float(weight)) <= LARGEST_WEIGHT:  # NaN is not
        raise VeraError(f"{what} is a number of at most {LARGEST_WEIGHT:g}, not {weight!r:.40}")


def check_weights(weights: Any, what: str) -> None:
    """VeraError unless all weights are some, in the lists and mappings by component and block that diffusers takes."""
    if weights is None:
        return
    if not isinstance(weights, list | dict):
        check_weight(weights, what)
        return
    for weight in weights.values() if isinstance(weights, dict) else weights:
        check_weights(weight, what)


def check_names(names: str | Collection[str], what: str) -> None:
    """VeraError unless adapters are named, each once: peft applies one that is named twice two times."""
    named = [names] if isinstance(names, str) else list(names)
    if not named or len(set(named)) < len(named):
        raise VeraError(f"{what}: name adapters, each once; disable_lora goes without all, not {named}")


def check_unfused(transformer: Any, what: str) -> None:
    """VeraError while an adapter is fused: peft would take it out again, or leave the weights as they are."""
    if fused := {name for module in transformer.modules() for name in getattr(module, "merged_adapters", ())}:
        raise VeraError(
            f"{what}: the adapter {min(fused)} is fused: call unfuse_lora first, or unload_lora_weights to keep it"
        )


def check_switched_on(transformer: Any, what: str) -> None:
    """VeraError after `disable_lora`, which also holds for what is loaded, chosen or fused since."""
    if is_switched_off(transformer):
        raise VeraError(f"{what}: would have no effect, since adapters are switched off: call enable_lora first")


def is_switched_off(transformer: Any) -> bool:
    """Whether there are adapters, and `disable_lora` was called."""
    return any(getattr(module, "disable_adapters", False) is True for module in transformer.modules())


def check_held(transformer: Any, what: str) -> None:
    """VeraError where the weights have no values between two calls: peft would change nothing, and not say so."""
    if has_no_values(transformer):
        raise VeraError(f"{what}: offloading holds the weights elsewhere between two calls: do it before, or leave it")


def check_not_on_disk(transformer: Any, what: str) -> None:
    """VeraError where the weights are in files, which diffusers forgets as it adds or removes layers."""
    if is_on_disk(transformer):
        raise VeraError(f"{what}: the weights are offloaded to disk: do it before, or leave it")


def check_no_dora(transformer: Any, what: str) -> None:
    """VeraError where an adapter is a DoRA, which reads the weights themselves: they are of 8 bits, or elsewhere."""
    if any(len(getattr(module, "lora_magnitude_vector", ())) for module in transformer.modules()):
        raise VeraError(f"{what} does not work with a DoRA: fuse it before, or leave it")

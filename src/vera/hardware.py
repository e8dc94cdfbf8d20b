"""What the machine computes with: device, autocast type, threads."""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import torch

from vera.errors import VeraError

Autocast = Callable[[], AbstractContextManager[object]]


def choose_device(name: str) -> torch.device:
    """`auto` is the GPU if there is one. VeraError if torch knows no such device here."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError):  # what torch raises for unknown and for absent devices
        raise VeraError(f"device {name!r} is not on this machine; use auto or cpu") from None


def make_autocast(dtype: str, device: torch.device) -> Autocast:
    """A factory of contexts to run the network in."""
    if computes_in_bf16(dtype, device):
        return lambda: torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext


def computes_in_bf16(dtype: str, device: torch.device) -> bool:
    """Whether a recipe's `dtype` means bfloat16: `auto` does only where the hardware multiplies it natively."""
    return dtype == "bf16" or (dtype == "auto" and has_native_bf16(device))


def has_native_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())

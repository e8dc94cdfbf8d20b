"""What the machine computes with: device, number type, autocast, threads."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import cv2
import torch

from vera.errors import VeraError, first_line

Autocast = Callable[[], AbstractContextManager[object]]


def choose_device(name: str = "auto", mps: bool = True) -> torch.device:
    """Return the device of this name; "auto" is a GPU where there is one: CUDA's, or with `mps` Apple's.

    VeraError if torch does not have it here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
        if name == "cpu" and mps and torch.backends.mps.is_available():
            name = "mps"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # what torch raises for unknown and for absent devices
        raise VeraError(f"device {name!r} is not available: {first_line(error)}") from None


def choose_dtype(dtype: str | torch.dtype, device: torch.device) -> torch.dtype:
    """Return the dtype of this name; "auto" is bfloat16 where the device computes in it, else float32."""
    if isinstance(dtype, torch.dtype):
        return dtype
    if dtype == "auto":
        return torch.bfloat16 if has_native_bf16(device) else torch.float32
    named = getattr(torch, dtype, None)
    if not isinstance(named, torch.dtype) or not named.is_floating_point:
        raise VeraError(f"unknown dtype {dtype!r}: say auto, float32, bfloat16 or float16")
    return named


def has_native_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 itself; others emulate it, slowly on CPUs."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return device.type == "cpu" and bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def computes_in_bf16(dtype: str, device: torch.device) -> bool:
    """Whether a recipe's `dtype` ("auto", "bf16" or "fp32") means bfloat16 on this device."""
    return dtype == "bf16" or (dtype == "auto" and has_native_bf16(device))


def make_autocast(dtype: str, device: torch.device) -> Autocast:
    """Make a factory of contexts to run the network in, for a recipe's `dtype`."""
    if computes_in_bf16(dtype, device):
        return lambda: torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext


@contextlib.contextmanager
def kept_threads() -> Iterator[None]:
    """Give the process back the numbers of threads that it had: torch's and OpenCV's are the whole process's."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])

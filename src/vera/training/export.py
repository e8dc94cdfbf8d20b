"""Weights to use a trained network by."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from vera.errors import VeraError, first_line
from vera.whole import whole_folder

DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}


def cast_copy(model: Any, dtype: str) -> Any:
    """`model` on the CPU with parameters of `dtype` ("fp16", "bf16" or "fp32"); the original stays as it is."""
    copied = copy.deepcopy(model).cpu()
    for parameter in copied.parameters():  # by hand: diffusers' `to` warns of layers that a load upcasts again anyway
        parameter.data = parameter.data.to(DTYPES[dtype])
    return copied


def replace_folder(folder: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a new folder that replaces `folder` when it is whole. VeraError if the disk refuses."""
    try:
        with whole_folder(folder) as partial:
            write(partial)
    except (OSError, SafetensorError) as error:
        raise VeraError(f"{folder}: cannot be written ({first_line(error)}); what was there stays") from None

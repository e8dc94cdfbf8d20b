"""Weights to use a trained network by."""

import copy
import shutil
from pathlib import Path
from typing import Any

import torch

DTYPES = {"fp16": torch.float16, "fp32": torch.float32}


def export_weights(model: Any, folder: Path, dtype: str) -> None:
    """`save_pretrained` into `folder`, replacing what it held only when the new files are whole."""
    temporary, old = folder.with_name(f"{folder.name}.tmp"), folder.with_name(f"{folder.name}.old")
    for left_over in (temporary, old):
        shutil.rmtree(left_over, ignore_errors=True)
    exported = copy.deepcopy(model).cpu()
    for parameter in exported.parameters():  # by hand: diffusers' `to` warns of layers that a load upcasts again anyway
        parameter.data = parameter.data.to(DTYPES[dtype])
    exported.save_pretrained(temporary)
    if folder.exists():
        folder.replace(old)
    temporary.replace(folder)
    shutil.rmtree(old, ignore_errors=True)

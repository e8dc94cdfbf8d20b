"""What ships with Vera: a folder for each model and LoRA, in diffusers' layout."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

TRAINED = ("nano",)
LORAS = ("nano-8-steps",)


@dataclass(frozen=True)
class Student:
    """A LoRA with which a model takes few steps, and mostly no guidance."""

    lora: str
    steps: int
    guidance: float = 1.0


# What an edit takes unless it asks for the model itself.
STUDENTS = {"nano": Student("nano-8-steps", steps=8)}
# The sizes that ship as configs only: `vera init` makes their weights, and from what.
BASES = {"vera-1.3b": "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "vera-14b": "Wan-AI/Wan2.1-T2V-14B-Diffusers"}


def preset_folder(name: str) -> Path:
    """Where the model or LoRA `name` of those lies."""
    return Path(str(files("vera.presets") / name))

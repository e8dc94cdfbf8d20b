"""Low-rank adapters in training: peft's, on diffusers' models."""

from pathlib import Path
from typing import Any

from peft import LoraConfig
from torch import Tensor

from vera.errors import VeraError, first_line
from vera.pipelines.pipeline_vera import VeraPipeline
from vera.training.recipe import Lora


def add_lora(model: Any, lora: Lora) -> None:
    """Add an adapter that alone is trained; VeraError where no linear map has the name of a target."""
    try:
        model.add_adapter(_config(lora))
    except ValueError as error:
        raise VeraError(f"lora: {first_line(error)}") from None


def save_lora(state: dict[str, Tensor], lora: Lora, folder: Path) -> None:
    """Write the file that `load_lora_weights` of a pipeline reads."""
    VeraPipeline.save_lora_weights(
        folder,
        transformer_lora_layers=state,
        transformer_lora_adapter_metadata=_config(lora).to_dict(),  # type: ignore[no-untyped-call]
    )


def _config(lora: Lora) -> LoraConfig:
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]
        target_modules=list(lora.targets),
    )

"""The architectures of the published comparison and the one that they start from: one `forward`, one `branches`."""

from collections.abc import Mapping
from typing import Any

from vera.models.baselines.dense import DenseTransformer3DModel
from vera.models.baselines.text_to_video import TextToVideoTransformer3DModel
from vera.models.baselines.vace import ContextTransformer3DModel
from vera.models.baselines.video_to_video import ConcatTransformer3DModel
from vera.models.transformer_vera import VeraTransformer3DModel

LayerTransformer = (
    VeraTransformer3DModel
    | DenseTransformer3DModel
    | ConcatTransformer3DModel
    | ContextTransformer3DModel
    | TextToVideoTransformer3DModel
)
VARIANTS: dict[str, Any] = {
    "mot": VeraTransformer3DModel,
    "dense": DenseTransformer3DModel,
    "v2v": VeraTransformer3DModel,
    "v2v_concat": ConcatTransformer3DModel,
    "vace": ContextTransformer3DModel,
    "t2v": TextToVideoTransformer3DModel,
}


def variant_config(variant: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the variant's class, from `config` in which only what differs from the defaults is named.

    For a MoT with fewer branches, those without text attention are named only if others than alpha.
    """
    if variant == "v2v":
        return {**config, "branches": ["composite"], "text_branches": ["composite"]}
    if variant == "mot" and "branches" in config:
        return {"text_branches": [branch for branch in config["branches"] if branch != "alpha"], **config}
    return dict(config)


__all__ = [
    "VARIANTS",
    "ConcatTransformer3DModel",
    "ContextTransformer3DModel",
    "DenseTransformer3DModel",
    "LayerTransformer",
    "TextToVideoTransformer3DModel",
    "variant_config",
]

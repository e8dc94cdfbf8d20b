"""The architectures of the published comparison and the one that they start from: one `forward`, one `branches`."""

from functools import reduce
from operator import or_
from typing import Any

from vera.models.baselines.dense import DENSE
from vera.models.baselines.mot import MOT, V2V
from vera.models.baselines.text_to_video import T2V
from vera.models.baselines.vace import VACE
from vera.models.baselines.variant import Variant
from vera.models.baselines.video_to_video import V2V_CONCAT

VARIANTS: dict[str, Variant] = {
    "mot": MOT,
    "dense": DENSE,
    "v2v": V2V,
    "v2v_concat": V2V_CONCAT,
    "vace": VACE,
    "t2v": T2V,
}

# diffusers compares a component's class with those that a pipeline's annotation names.
LayerTransformer: Any = reduce(or_, dict.fromkeys(variant.model for variant in VARIANTS.values()))

__all__ = ["VARIANTS", "LayerTransformer", "Variant"]

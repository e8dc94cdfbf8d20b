"""Checkpoint keys: from one Wan2.1 transformer to the experts of a Vera transformer."""

from collections.abc import Iterable, Mapping

from torch import Tensor

_SHARED = ("condition_embedder.",)
COORDINATES = "patch_embedding.coordinates.weight"  # of a text-to-video model that has them
_TEXT = ("attn2.", "norm2.")


def wan_to_vera(
    state_dict: Mapping[str, Tensor], branches: Iterable[str], text_branches: Iterable[str]
) -> dict[str, Tensor]:
    """Copy the weights of a diffusers `WanTransformer3DModel` into every branch.

    Tensors are shared, not cloned. What Wan does not have (`layer_embedding`, `source_embedding`, `mask_embedding`)
    is left out: load with `strict=False` into a new model, where those are zero, and the result predicts as Wan does.
    """
    text_branches = set(text_branches)
    converted = {}
    for key, tensor in state_dict.items():
        if key.startswith(_SHARED):
            converted[key] = tensor
            continue
        if key == COORDINATES:
            converted["coordinate_embedding.weight"] = tensor
            continue
        for branch in branches:
            name = vera_key(key, branch)
            if branch in text_branches or not _is_text(key):
                converted[name] = tensor
    return converted


def vera_key(wan_key: str, branch: str) -> str:
    """Where a branch keeps the Wan tensor of this name (one that is not shared by the branches)."""
    if not wan_key.startswith("blocks."):
        module, _, leaf = wan_key.partition(".")
        if module == "patch_embedding":
            return f"patch_embedding.{branch}.{leaf}"
        return f"output_head.{branch}.{wan_key}"
    blocks, index, rest = wan_key.split(".", 2)
    if rest.startswith("attn1."):
        return f"{blocks}.{index}.attn1.experts.{branch}.{rest.removeprefix('attn1.')}"
    return f"{blocks}.{index}.experts.{branch}.{rest}"


def _is_text(wan_key: str) -> bool:
    return wan_key.startswith("blocks.") and wan_key.split(".", 2)[2].startswith(_TEXT)

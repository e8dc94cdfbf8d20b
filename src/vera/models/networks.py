"""Networks in folders: which class a configuration names, and the network with all its weights."""

from pathlib import Path
from typing import Any, Literal

import torch
from diffusers import AutoencoderKLWan
from safetensors import SafetensorError

from vera.errors import VeraError, first_line
from vera.models.autoencoder_patch import AutoencoderPatch3D
from vera.models.baselines import VARIANTS
from vera.models.complete_weights import check_complete

Part = Literal["transformer", "vae"]

# By the name in config.json. No other is imported, whatever a folder says.
CLASSES: dict[Part, dict[str, Any]] = {
    "transformer": {variant.model.__name__: variant.model for variant in VARIANTS.values()},
    "vae": {"AutoencoderKLWan": AutoencoderKLWan, "AutoencoderPatch3D": AutoencoderPatch3D},
}
# What libraries raise for a folder's files when they are not what they are taken for.
DAMAGE = (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, ArithmeticError, SafetensorError)


def network_class(folder: str | Path, part: Part) -> tuple[Any, dict[str, Any]]:
    """Return the class that the configuration in `folder` names, one of the part's, and the configuration.

    VeraError if there is none, or it names another class.
    """
    classes = CLASSES[part]
    if not Path(folder).is_dir():  # diffusers would take it for a name on the hub
        raise VeraError(f"{folder}: there is no such folder")
    try:
        config = dict(next(iter(classes.values())).load_config(folder, local_files_only=True))
        name = config.get("_class_name")
    except DAMAGE as error:
        raise VeraError(f"{folder}: has no configuration of a network: {first_line(error)}") from None
    if name not in classes:
        raise VeraError(f"{folder}: holds {name}, and Vera knows {', '.join(classes)}")
    return classes[name], config


def open_network(folder: str | Path, part: Part, dtype: torch.dtype = torch.float32) -> Any:
    """Load the network in `folder`, to be used and not trained: frozen, in evaluation mode, on the CPU.

    VeraError if there is none of the part's classes, or its weights are damaged, too few or too many.
    """
    network, _ = network_class(folder, part)
    try:
        model, info = network.from_pretrained(folder, dtype=dtype, local_files_only=True, output_loading_info=True)
    except VeraError:
        raise
    except DAMAGE as error:
        raise VeraError(f"{folder}: the weights cannot be loaded: {first_line(error)}") from None
    check_complete(info, folder, part)
    return model.requires_grad_(False).eval()

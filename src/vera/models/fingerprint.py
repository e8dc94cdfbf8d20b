"""A network's identity: a hash of class, config and weights."""

import hashlib
import json

import torch
from torch import nn


def fingerprint(network: nn.Module) -> str:
    """SHA-256 of class, config and weights, however they were saved; versions of libraries do not count."""
    config = {name: value for name, value in network.config.items() if not name.startswith("_")}  # type: ignore[operator, union-attr]
    words = json.dumps([type(network).__name__, config], sort_keys=True, default=list)
    digest = hashlib.sha256(words.encode())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()

"""Choices that options name, one list each for the library and the command line; imports nothing heavy."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal, get_args

from vera.errors import VeraError

MasterKind = Literal["exact", "smart", "delivery"]  # see `vera.layers.masters`
Guide = Literal["auto", "plate", "composite", "none"]  # see `vera.layers.refine.upsample`
Light = Literal["linear", "display"]  # of exported colours

Offload = Literal["none", "model", "sequential", "group"]
Quantize = Literal["none", "fp8", "int8"]
Cache = Literal["none", "first_block"]
Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Sampler = Literal["euler", "unipc"]  # see `vera.pipelines.samplers`


@dataclass(frozen=True)
class Acceleration:
    """What to save memory or time with.

    Args:
        offload: where weights wait on the CPU: `model` brings in a whole network, `group` a block of the transformer
            (while the one before computes, on CUDA), `sequential` a single layer.
        quantize: `fp8` keeps the transformer's weights in 8 bits and computes in its dtype; `int8` too, by torchao.
        attention: a kernel, by diffusers' name; None is torch's own choice.
        tiling: whether the autoencoder works tile by tile; where the frame is larger than a tile, the result differs.
        cache: `first_block` takes what all blocks but the first add from the step before, if what the first adds
            changed by less than 5 %. Results differ; the share is diffusers' for other models, not tuned on this one.
        compile: compile the transformer's repeated block.
    """

    offload: Offload = "none"
    quantize: Quantize = "none"
    attention: str | None = None
    tiling: bool = False
    cache: Cache = "none"
    compile: bool = False

    def __post_init__(self) -> None:
        for name, choices in (("offload", Offload), ("quantize", Quantize), ("cache", Cache)):
            if getattr(self, name) not in get_args(choices):
                raise VeraError(f"{name} is one of {', '.join(get_args(choices))}, not {getattr(self, name)!r}")
        if self.quantize == "int8" and find_spec("torchao") is None:
            raise VeraError("quantize int8 needs torchao: run `pip install --no-deps torchao==0.18.0`")
        if self.attention == "flex" and not self.compile:
            raise VeraError("attention flex holds the scores of all pairs of tokens unless compiled: add compile")

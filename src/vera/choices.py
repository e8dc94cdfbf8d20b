"""Choices that options name, one list each for the library and the command line; imports nothing heavy."""

from typing import Literal

MasterKind = Literal["exact", "smart", "delivery"]  # see `vera.layers.masters`
Guide = Literal["auto", "plate", "composite", "none"]  # see `vera.layers.refine.upsample`
Light = Literal["linear", "display"]  # of exported colours

# How a pipeline is fitted to a machine: see `vera.pipelines.Acceleration`.
Offload = Literal["none", "model", "sequential", "group"]
Quantize = Literal["none", "fp8", "int8"]
Cache = Literal["none", "first_block"]
Dtype = Literal["auto", "float32", "bfloat16", "float16"]

Sampler = Literal["euler", "unipc"]  # see `vera.pipelines.samplers`

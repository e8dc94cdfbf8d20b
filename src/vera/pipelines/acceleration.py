"""How a pipeline is fitted to a machine: offloading, small weights, attention kernels, tiles, caches, compilation.

The work is diffusers'; here are the choices, what they ask for, and the order in which they are applied. Nothing is on
unless asked for. docs/memory.md says what each saves and costs.
"""

from typing import Any

import torch
from diffusers import FirstBlockCacheConfig, PipelineQuantizationConfig, TorchAoConfig
from diffusers.hooks import apply_group_offloading
from diffusers.models.attention_dispatch import (
    AttentionBackendName,
    _check_attention_backend_requirements,
    attention_backend,
    dispatch_attention_fn,
)

from vera.choices import Acceleration, Offload
from vera.errors import VeraError, first_line
from vera.pipelines.lora.guards import check_no_dora

ATTENTION = ("native", "flex", "flash", "_flash_3", "sage", "xformers")  # diffusers knows more
FIRST_BLOCK_THRESHOLD = 0.05


def int8_weights(transformer_class: Any) -> dict[str, Any]:
    """Arguments of a pipeline's `from_pretrained`: int8 weights are made while they are read."""
    from torchao.quantization import Int8WeightOnlyConfig

    kept = list(transformer_class._skip_layerwise_casting_patterns)
    config = TorchAoConfig(Int8WeightOnlyConfig(), modules_to_not_convert=kept)
    return {"quantization_config": PipelineQuantizationConfig(quant_mapping={"transformer": config})}


def accelerate(pipeline: Any, options: Acceleration, device: str | torch.device) -> None:
    """Fit the pipeline, whose networks are on the CPU, to `device`; VeraError for what cannot be done there."""
    transformer, vae, device = pipeline.transformer, pipeline.vae, torch.device(device)
    if options.attention is not None:
        _set_attention(transformer, options.attention, device)
    if options.tiling:
        if not hasattr(vae, "use_tiling"):
            raise VeraError(f"tiling: the autoencoder of this model, {type(vae).__name__}, has no tiles: leave it out")
        vae.enable_tiling()
    if options.offload == "sequential":
        check_no_dora(transformer, "offload sequential")
    if options.quantize == "fp8":
        check_no_dora(transformer, "quantize fp8")
        transformer.enable_layerwise_casting(torch.float8_e4m3fn, compute_dtype=transformer.dtype)
    if options.cache == "first_block":
        transformer.enable_cache(FirstBlockCacheConfig(threshold=FIRST_BLOCK_THRESHOLD))
    if options.compile:
        transformer.compile_repeated_blocks()
    _place(pipeline, options.offload, device)


def _place(pipeline: Any, offload: Offload, device: torch.device) -> None:
    if offload == "none":
        pipeline.to(device)
        return
    onload = device
    if onload.type == "cuda" and onload.index is None:
        onload = torch.device("cuda", torch.cuda.current_device())
    if offload == "model":
        pipeline.enable_model_cpu_offload(device=onload)
    elif offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=onload)
    else:
        streams = onload.type == "cuda"
        pipeline.transformer.enable_group_offload(
            onload_device=onload, offload_type="block_level", num_blocks_per_group=1, use_stream=streams
        )
        # Its blocks lie deeper than diffusers looks for them, so layer by layer.
        apply_group_offloading(pipeline.text_encoder, onload_device=onload, offload_type="leaf_level")
        pipeline.vae.to(onload)


def _set_attention(transformer: Any, name: str, device: torch.device) -> None:
    """VeraError unless a small attention of this model's heads works with the kernel of this name."""
    name = {"sdpa": "native"}.get(name, name)
    try:
        # Restores what is active: diffusers takes the kernel for every model of the process, also one that fails.
        with attention_backend():
            transformer.set_attention_backend(name)
        heads, head_dim = transformer.config.num_attention_heads, transformer.config.attention_head_dim
        x = torch.zeros(1, 128, heads, head_dim, dtype=transformer.dtype, device=device)
        if name != "flex":  # which is only sound when compiled
            dispatch_attention_fn(x, x, x, backend=AttentionBackendName(name))
    except Exception as error:  # of whatever kind each kernel's package raises
        transformer.reset_attention_backend()
        dtype = str(transformer.dtype).removeprefix("torch.")
        line = first_line(error)
        raise VeraError(f"attention {name} does not work here (on {device} in {dtype}): {line}") from None


def attention_backends() -> dict[str, str | None]:
    """The kernels in `ATTENTION`: what each lacks here, None if nothing."""
    lacking: dict[str, str | None] = {}
    for name in ATTENTION:
        try:
            _check_attention_backend_requirements(AttentionBackendName(name))
            lacking[name] = None
        except RuntimeError as error:
            lacking[name] = first_line(error).rpartition("Please ")[2].rstrip(".").replace("`", "")
    return lacking

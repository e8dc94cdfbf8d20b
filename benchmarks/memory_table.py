"""Memory and step time of sampling for each option, computed: `python benchmarks/memory_table.py --size 14b`.

No GPU and no weights: each network runs on tensors that have shapes and no data, and what is alive at its worst moment
and its arithmetic are counted. To that come the weights that an option keeps on the GPU. Peak is the largest of four
stages: text, encoding of the clip, a forward pass, decoding of a layer. A step is two forward passes, for guidance.

Times are arithmetic over `--tflops`, and weights that stream over `--bandwidth`: the larger counts where they overlap
(group), the sum where they do not (sequential). Both rates are assumptions, and times are as good as those. What the
processes of torchrun send each other is left out.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import UMT5Config, UMT5EncoderModel

from vera.models import VeraTransformer3DModel
from vera.training.planning.cost_counter import CostCounter
from vera.training.planning.plan import UMT5_XXL

GIB = 2**30
TEXT = 512  # tokens


@dataclass(frozen=True)
class Stage:
    """Bytes alive at the worst moment, weights left out, and FLOPs."""

    peak: float
    flops: float


@dataclass(frozen=True)
class Weights:
    """Bytes of a network: all of it, its repeated blocks, one of them, and its largest layer."""

    total: float
    blocks: float
    block: float
    layer: float


@dataclass(frozen=True)
class Option:
    """Bytes of weights on the GPU and bytes beside them at three stages, and seconds of a step."""

    name: str
    weights: tuple[float, float, float]  # while text is read, in a forward pass, while the autoencoder codes
    working: tuple[float, float, float]
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=("1.3b", "14b"), default="1.3b")
    parser.add_argument("--frames", type=int, default=49)
    parser.add_argument("--resolution", default="832x480")
    parser.add_argument("--tflops", type=float, default=400, help="that the GPU reaches")
    parser.add_argument("--bandwidth", type=float, default=25, help="from the CPU's memory to the GPU, GB/s")
    arguments = parser.parse_args()
    width, height = map(int, arguments.resolution.split("x"))
    clip = (arguments.frames, height, width)
    config = VeraTransformer3DModel.load_config(str(files("vera.presets") / f"vera-{arguments.size}" / "transformer"))

    with FakeTensorMode(), torch.no_grad():
        transformer = VeraTransformer3DModel.from_config(config).eval()
        store(transformer, transformer._keep_in_fp32_modules)
        whole = count(transformer, lambda: forward(transformer, clip))
        half = count(transformer, lambda: forward(transformer, (clip[0], clip[1] // 2, clip[2])))
        bf16, small = (weigh(transformer, transformer.blocks, of_bytes) for of_bytes in (2, 1))
        vae = AutoencoderKLWan().eval()
        vae_weights = weigh(vae, ()).total
        coding = max(count(vae, lambda: encode(vae, clip)).peak, count(vae, lambda: decode(vae, clip)).peak)
        vae.enable_tiling()
        tiles = max(count(vae, lambda: encode(vae, clip)).peak, count(vae, lambda: decode(vae, clip)).peak)
        encoder = UMT5EncoderModel(UMT5Config(**UMT5_XXL, feed_forward_proj="gated-gelu")).eval()
        encoder.encoder.embed_tokens.weight = encoder.shared.weight
        store(encoder)
        reading = count(encoder, lambda: encoder(torch.zeros(1, TEXT, dtype=torch.long))).peak
        text = weigh(encoder, encoder.encoder.block)

    compute = 2 * whole.flops / (arguments.tflops * 1e12)

    def stream(weights: float) -> float:
        return 2 * weights / (arguments.bandwidth * 1e9)

    def nowhere(weights: Weights) -> tuple[float, float, float]:
        total = text.total + vae_weights + weights.total
        return total, total, total

    def model(weights: Weights) -> tuple[float, float, float]:
        # The autoencoder, in use before, stays while the transformer works.
        return text.total, weights.total + vae_weights, vae_weights

    def group(weights: Weights) -> tuple[float, float, float]:
        rest = weights.total - weights.blocks + vae_weights
        # One block computes while the next comes in.
        return text.layer + rest, rest + 2 * weights.block, rest

    plain, tiled = (reading, whole.peak, coding), (reading, whole.peak, tiles)
    sequential = (text.layer, bf16.layer, 0.0)
    options = [
        Option("none", nowhere(bf16), plain, compute),
        Option("`--tiling`", nowhere(bf16), tiled, compute),
        Option("`--tiling`, torchrun with 2 GPUs, each", nowhere(bf16), (reading, half.peak, tiles), compute / 2),
        Option("`--tiling --quantize fp8` (or `int8`)", nowhere(small), tiled, compute),
        Option("`--tiling --offload model`", model(bf16), tiled, compute),
        Option("`--tiling --offload model --quantize int8`", model(small), tiled, compute),
        Option("`--offload group`", group(bf16), plain, max(compute, stream(bf16.blocks))),
        Option("`--tiling --offload group`", group(bf16), tiled, max(compute, stream(bf16.blocks))),
        Option("`--tiling --offload group --quantize fp8`", group(small), tiled, max(compute, stream(small.blocks))),
        Option("`--tiling --offload sequential`", sequential, tiled, compute + stream(bf16.total)),
    ]
    print(
        f"weights, GiB: transformer {bf16.total / GIB:.1f} (in 8 bits {small.total / GIB:.1f}), a block of it", end=" "
    )
    print(f"{bf16.block / GIB:.2f}, text encoder {text.total / GIB:.1f}, autoencoder {vae_weights / GIB:.1f}")
    print(f"beside them: forward pass {whole.peak / GIB:.1f}, of half the tokens {half.peak / GIB:.1f},", end=" ")
    print(f"text {reading / GIB:.1f}, coding {coding / GIB:.1f}, with tiles {tiles / GIB:.1f}")
    print(f"a forward pass is {whole.flops / 1e12:.0f} TFLOP\n")
    print("| option | peak, GiB | in | step, s |")
    print("|---|---|---|---|")
    for option in options:
        stages = zip(option.weights, option.working, ("text", "forward pass", "autoencoder"), strict=True)
        peak, stage = max((weights + working, stage) for weights, working, stage in stages)
        print(f"| {option.name} | {peak / GIB:.1f} | {stage} | {option.seconds:.1f} |")


def store(model: nn.Module, kept: Sequence[str] = ()) -> None:
    """Weights in bfloat16, as `from_pretrained` loads them, but for modules whose names are `kept` in float32."""
    for name, parameter in model.named_parameters():
        if not set(kept) & set(name.split(".")):
            parameter.data = parameter.data.bfloat16()


def weigh(model: nn.Module, blocks: Any, of_bytes: int = 2) -> Weights:
    """Bytes of the weights; the linear layers that layerwise casting takes have `of_bytes` a number."""
    skipped = tuple(getattr(model, "_skip_layerwise_casting_patterns", None) or ())
    small = {
        id(parameter)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and not any(pattern in name for pattern in skipped)
        for parameter in module.parameters()
    }

    def size(module: nn.Module, recurse: bool = True) -> int:
        return sum(p.numel() * (of_bytes if id(p) in small else p.element_size()) for p in module.parameters(recurse))

    sizes = [size(block) for block in blocks] or [0]
    return Weights(size(model), sum(sizes), sizes[-1], max(size(module, recurse=False) for module in model.modules()))


def forward(model: Any, clip: tuple[int, int, int]) -> None:
    latent = (16, 1 + (clip[0] - 1) // 4, clip[1] // 8, clip[2] // 8)
    layers, source = torch.empty(1, 3, *latent, dtype=torch.bfloat16), torch.empty(1, *latent, dtype=torch.bfloat16)
    model(layers, torch.empty(1), torch.empty(1, TEXT, 4096, dtype=torch.bfloat16), source, source)


def encode(vae: Any, clip: tuple[int, int, int]) -> None:
    vae.encode(torch.empty(1, 3, *clip))


def decode(vae: Any, clip: tuple[int, int, int]) -> None:
    vae.decode(torch.empty(1, 16, 1 + (clip[0] - 1) // 4, clip[1] // 8, clip[2] // 8))


def count(model: nn.Module, run: Callable[[], None]) -> Stage:
    with CostCounter((*model.parameters(), *model.buffers())) as counter:
        run()
    return Stage(counter.peak, counter.flops)


if __name__ == "__main__":
    main()

"""Step times of Vera, of Wan2.1 and of VACE: `python benchmarks/gpu_steps.py --json steps.json`, on a GPU.

Random weights in bfloat16, 832x480, 49 frames, batch 1: a forward pass as in sampling, and a training step (forward,
backward with gradient checkpointing, fused AdamW on bfloat16 weights). FLOPs are counted on tensors without data,
recomputation included, and set against the largest rate that a matrix product reaches on the same device in the same
run. Then Vera's forward pass with each option that saves memory or time; what a machine lacks is said in its row.
`--size tiny` shows on any machine that all of it runs; its times mean nothing.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import WanTransformer3DModel, WanVACETransformer3DModel
from torch._subclasses.fake_tensor import FakeTensorMode

from vera.hardware import choose_device
from vera.models import VeraTransformer3DModel
from vera.training.planning.cost_counter import CostCounter

# Network and latent frames, rows and columns; VACE 1.3B has a context block at every second block.
SIZES: dict[str, tuple[dict[str, Any], tuple[int, int, int]]] = {
    "1.3b": ({}, (13, 60, 104)),
    "tiny": (
        {"num_attention_heads": 2, "attention_head_dim": 16, "ffn_dim": 64, "num_layers": 4, "text_dim": 32},
        (3, 8, 8),
    ),
}
MODELS = {"Vera": VeraTransformer3DModel, "VACE": WanVACETransformer3DModel, "Wan": WanTransformer3DModel}
OPTIONS: dict[str, Callable[[Any, torch.device], None]] = {
    "group offload": lambda model, device: model.enable_group_offload(
        device, offload_type="block_level", num_blocks_per_group=1, use_stream=True
    ),
    "fp8 weights": lambda model, device: model.enable_layerwise_casting(torch.float8_e4m3fn, torch.bfloat16),
    "compiled blocks": lambda model, device: model.compile_repeated_blocks(fullgraph=True),
    "attention cuDNN": lambda model, device: model.set_attention_backend("_native_cudnn"),
    "attention flash": lambda model, device: model.set_attention_backend("flash"),
    "attention flash 3": lambda model, device: model.set_attention_backend("_flash_3"),
    "attention sage": lambda model, device: model.set_attention_backend("sage"),
}
COLUMNS = ("model", "step", "option", "ms", "TFLOP", "TFLOP/s", "of ceiling", "peak GiB")
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="1.3b")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="file for the same figures")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    ceiling = matmul_ceiling(device)

    print(
        f"{name}, torch {torch.__version__}, {arguments.size}; a matrix product reaches {ceiling / 1e12:.1f} TFLOP/s\n"
    )
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    rows = []
    for row in measure(arguments.size, device, arguments.repeats):
        if "TFLOP" in row:
            rate = row["TFLOP"] * 1e12 / row["ms"] * 1e3
            row |= {"TFLOP/s": rate / 1e12, "of ceiling": rate / ceiling}
        rows.append(row)
        print("| " + " | ".join(_text(row.get(column, "")) for column in COLUMNS) + " |", flush=True)
    if arguments.json:
        record = {"device": name, "torch": torch.__version__, "size": arguments.size, "ceiling": ceiling, "rows": rows}
        arguments.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def measure(size: str, device: torch.device, repeats: int) -> Iterator[Row]:
    for name in MODELS:
        for step in ("forward", "training"):
            yield {"model": name, "step": step} | run(name, size, step, device, repeats)
    for option, enable in OPTIONS.items():
        head = {"model": "Vera", "step": "forward", "option": option}
        try:
            yield head | run("Vera", size, "forward", device, repeats, enable)
        except Exception as error:  # whatever a missing library, kernel or compiler raises
            yield head | {"ms": f"not here: {str(error).strip().splitlines()[0][:60]}"}


def run(
    name: str,
    size: str,
    step: str,
    device: torch.device,
    repeats: int,
    enable: Callable[[Any, torch.device], None] | None = None,
) -> Row:
    """The median time of a step, its arithmetic, and the most memory that torch held."""
    torch.manual_seed(0)
    offloaded = enable is OPTIONS["group offload"]
    with torch.device("cpu" if offloaded else device):
        model = make(name, size)
    # By hand: diffusers keeps some parameters in float32 where this compares arithmetic in one type.
    for parameter in model.parameters():
        parameter.data = parameter.data.bfloat16()
    if enable is not None:
        enable(model, device)
    given = {key: value.to(device) for key, value in inputs(name, size).items()}
    call = forward_of(model, given) if step == "forward" else training_of(model, given)
    for _ in range(2):
        call()
    _reset(device)
    times = []
    for _ in range(repeats):
        _wait(device)
        begin = time.perf_counter()
        call()
        _wait(device)
        times.append(time.perf_counter() - begin)
    row: Row = {"ms": statistics.median(times) * 1e3, "TFLOP": count(name, size, step) / 1e12}
    if device.type == "cuda":
        row["peak GiB"] = torch.cuda.max_memory_allocated(device) / 2**30
    return row


def make(name: str, size: str) -> Any:
    config = SIZES[size][0]
    if name == "VACE":
        layers = config.get("num_layers", 30)
        config = config | {"vace_layers": list(range(0, layers, 2)), "vace_in_channels": 96, "num_layers": layers}
    return MODELS[name](**config)


def inputs(name: str, size: str) -> dict[str, torch.Tensor]:
    config, latent = SIZES[size]
    text = torch.randn(1, 512, config.get("text_dim", 4096), dtype=torch.bfloat16)
    given = {"timestep": torch.full((1,), 500.0), "encoder_hidden_states": text}
    if name == "Vera":
        layers, source, mask = (torch.randn(1, *n, 16, *latent, dtype=torch.bfloat16) for n in ((3,), (), ()))
        return given | {"hidden_states": layers, "source": source, "mask": mask}
    video = torch.randn(1, 16, *latent, dtype=torch.bfloat16)
    if name == "VACE":
        given["control_hidden_states"] = torch.randn(1, 96, *latent, dtype=torch.bfloat16)
    return given | {"hidden_states": video}


def forward_of(model: Any, given: dict[str, torch.Tensor]) -> Callable[[], None]:
    model.eval()

    def call() -> None:
        with torch.no_grad():
            model(**given)

    return call


def training_of(model: Any, given: dict[str, torch.Tensor]) -> Callable[[], None]:
    model.train()
    model.enable_gradient_checkpointing()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)

    def call() -> None:
        model(**given, return_dict=False)[0].float().square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    return call


def count(name: str, size: str, step: str) -> int:
    """FLOPs of a step, on tensors without data, attention by torch's own kernel."""
    with FakeTensorMode():
        model = make(name, size)
        for module in model.modules():
            if hasattr(getattr(module, "processor", None), "_attention_backend"):
                module.processor._attention_backend = "native"
        given = {key: value.float() for key, value in inputs(name, size).items()}
        with CostCounter() as counter:
            if step == "forward":
                forward_of(model, given)()
            else:
                model.enable_gradient_checkpointing()
                model.train()(**given, return_dict=False)[0].square().mean().backward()
    return counter.flops


def matmul_ceiling(device: torch.device) -> float:
    """The best rate of a large bfloat16 matrix product, in FLOP/s."""
    side = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    best = math.inf
    for _ in range(20):
        _wait(device)
        begin = time.perf_counter()
        a @ b
        _wait(device)
        best = min(best, time.perf_counter() - begin)
    return 2 * side**3 / best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _reset(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()

"""One of two processes that share tokens; the first writes into the file argv[1] how far off one process the two are.

Started by test_context_parallel.py under torchrun. Every process computes the whole by itself and its share.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from diffusers import ContextParallelConfig
from tests.models.conftest import TINY

from vera.errors import VeraError
from vera.models import attention_kernel
from vera.models.baselines import VARIANTS
from vera.models.context_parallel import enable_context_parallel

CASES: dict[str, tuple[str, dict[str, Any]]] = {name: (name, {}) for name in VARIANTS} | {
    "separate": ("mot", {"joint_attention": False}),
    "alpha-text": ("mot", {"text_branches": ["edit", "alpha", "composite"]}),
    "coordinates": ("mot", {"frame_coordinates": True}),
}
EVEN, ODD = (2, 4, 6), (1, 6, 6)  # latent frames, height and width: 12 tokens of a layer, and 9


def make_model(variant: str, **overrides: Any) -> Any:
    torch.manual_seed(0)
    model = VARIANTS[variant].model(**VARIANTS[variant].config(TINY | overrides))
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(std=0.3)  # what is zero in a new model
    return model


def make_inputs(model: Any, size: tuple[int, int, int] = EVEN) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    count = len(model.config.branches)
    return {
        "hidden_states": torch.randn(2, count, 4, *size, generator=generator),
        "timestep": torch.rand(2, generator=generator) * 1000,
        "encoder_hidden_states": torch.randn(2, 5, 16, generator=generator),
        "source": torch.randn(2, 4, *size, generator=generator),
        "mask": torch.randn(2, 4, *size, generator=generator),
    }


def errors(variant: str, checkpointing: bool = False, dtype: torch.dtype = torch.float32, **overrides: Any) -> Any:
    """Greatest differences of the prediction and, relative to the greatest of all, of the gradients."""
    whole, shared = (make_model(variant, **overrides).to(dtype) for _ in range(2))
    keys = whole.state_dict().keys()
    enable_context_parallel(shared, 2)
    assert shared.state_dict().keys() == keys
    if checkpointing:
        shared.enable_gradient_checkpointing()
    inputs = {name: x.to(dtype) for name, x in make_inputs(whole).items()}
    predictions = [model(**inputs).sample for model in (whole, shared)]
    for prediction in predictions:
        prediction.float().square().mean().backward()
    gradients = 0.0
    largest = max(p.grad.abs().max().item() for p in whole.parameters() if p.grad is not None)
    for (name, one), other in zip(whole.named_parameters(), shared.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None), name
        if one.grad is not None:
            dist.all_reduce(other.grad)
            gradients = max(gradients, (one.grad - other.grad).abs().max().item() / largest)
    return {"prediction": difference(*predictions), "gradients": gradients}


@torch.no_grad()
def uneven_error(variant: str, **overrides: Any) -> float:
    whole, shared = (make_model(variant, **overrides) for _ in range(2))
    enable_context_parallel(shared, 2, uneven=True)
    inputs = make_inputs(whole, ODD)
    return difference(whole(**inputs).sample, shared(**inputs).sample)


@torch.no_grad()
def tokens_of_attention() -> list[int]:
    """How many tokens the joint attentions and the text attentions of one process get."""
    model, seen = make_model("mot"), []
    enable_context_parallel(model, 2)
    attend = attention_kernel.dispatch_attention_fn

    def counted(query: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        seen.append(query.shape[1])
        return attend(query, *args, **kwargs)

    attention_kernel.dispatch_attention_fn = counted
    model(**make_inputs(model))
    attention_kernel.dispatch_attention_fn = attend
    return seen


@torch.no_grad()
def error_of_diffusers_own_call() -> float:
    torch.accelerator.device_count = lambda: 1  # it counts devices by which it divides, and a CPU is none
    whole, shared = (make_model("mot") for _ in range(2))
    shared.enable_parallelism(config=ContextParallelConfig(ulysses_degree=2))
    inputs = make_inputs(whole)
    return difference(whole(**inputs).sample, shared(**inputs).sample)


def refusal(size: tuple[int, int, int] = EVEN, backend: str | None = None, degree: int = 2, **overrides: Any) -> str:
    model = make_model("mot", **overrides)
    if backend is not None:
        model.set_attention_backend(backend)
    try:
        enable_context_parallel(model, degree)
        model(**make_inputs(model, size))
    except VeraError as error:
        return str(error)
    finally:
        model.reset_attention_backend()
    raise AssertionError("not refused")


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return (one - other).abs().max().item()


def main(out: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    results = {
        "even": {case: errors(variant, **overrides) for case, (variant, overrides) in CASES.items()},
        "uneven": {case: uneven_error(variant, **overrides) for case, (variant, overrides) in CASES.items()},
        "uneven heads": uneven_error("mot", num_attention_heads=3),
        "checkpointing": errors("mot", checkpointing=True),
        "bfloat16": errors("mot", dtype=torch.bfloat16),
        "diffusers": error_of_diffusers_own_call(),
        "tokens": tokens_of_attention(),
        "refused": {
            "tokens": refusal(size=ODD),
            "heads": refusal(num_attention_heads=3),
            "processes": refusal(degree=3),
            "backend": refusal(backend="flex"),
        },
    }
    if dist.get_rank() == 0:
        Path(out).write_text(json.dumps(results), encoding="utf-8")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])

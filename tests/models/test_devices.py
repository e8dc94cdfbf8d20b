"""The network on a GPU against itself on the processor; skipped where there is no GPU."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers.hooks import apply_group_offloading

from vera.models import VeraTransformer3DModel

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

Make = Callable[..., Any]
GPU = torch.device("cuda")


def moved(inputs: dict[str, torch.Tensor], dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    return {name: value.to(GPU, dtype) for name, value in inputs.items()}


def output(model: VeraTransformer3DModel, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        return model(**inputs).sample.float().cpu()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 5e-2)])
def test_a_forward_pass(make_vera: Make, make_inputs: Make, dtype: torch.dtype, tolerance: float) -> None:
    model, inputs = make_vera(), make_inputs(mask=True)
    expected = output(model, inputs)
    found = output(model.to(GPU, dtype), moved(inputs, dtype))
    assert (found - expected).abs().mean() < tolerance * expected.abs().mean()


def test_gradients(make_vera: Make, make_inputs: Make) -> None:
    models = [make_vera(), make_vera().to(GPU)]
    for model, inputs in zip(models, (make_inputs(), moved(make_inputs())), strict=True):
        model.enable_gradient_checkpointing()
        model.train()(**inputs).sample.square().mean().backward()
    for one, other in zip(*(model.named_parameters() for model in models), strict=True):
        if one[1].grad is not None:
            assert torch.allclose(one[1].grad, other[1].grad.cpu(), atol=1e-5, rtol=1e-3), one[0]


@pytest.mark.parametrize("stream", [False, True])
def test_group_offload(make_vera: Make, make_inputs: Make, stream: bool) -> None:
    model, inputs = make_vera(), make_inputs()
    expected = output(model, inputs)
    apply_group_offloading(
        model, onload_device=GPU, offload_type="block_level", num_blocks_per_group=1, use_stream=stream
    )
    assert torch.allclose(output(model, moved(inputs)), expected, atol=1e-4)


def test_layerwise_casting(make_vera: Make, make_inputs: Make) -> None:
    model, inputs = make_vera(), make_inputs()
    expected = output(model, inputs)
    model.to(GPU).enable_layerwise_casting(torch.float8_e4m3fn, torch.bfloat16)
    found = output(model, moved(inputs, torch.bfloat16))
    assert (found - expected).abs().mean() < 0.2 * expected.abs().mean()


def test_compiled_blocks(make_vera: Make, make_inputs: Make) -> None:
    model, inputs = make_vera(), make_inputs()
    expected = output(model, inputs)
    model.to(GPU).compile_repeated_blocks(fullgraph=True)
    assert torch.allclose(output(model, moved(inputs)), expected, atol=1e-3)

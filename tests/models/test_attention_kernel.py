"""The kernel of every attention: what it computes in while a model trains, and what it gives."""

import pytest
import torch

from vera.models import attention_kernel
from vera.models.attention_kernel import attend
from vera.models.baselines import VARIANTS


def tokens(dtype: torch.dtype, trained: bool) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, n, 2, 16, generator=generator).to(dtype).requires_grad_(trained) for n in (9, 5, 5)]


@pytest.fixture
def dtypes(monkeypatch):
    """The dtypes of all queries that the kernel was called with, and of what torch's own function was."""
    seen, torchs = [], []
    kernel, function = attention_kernel.dispatch_attention_fn, torch.nn.functional.scaled_dot_product_attention

    def called(query, *args, **more):
        seen.append(query.dtype)
        return kernel(query, *args, **more)

    def computed(*args, **more):
        output = function(*args, **more)
        torchs.append(output.dtype)
        return output

    monkeypatch.setattr(attention_kernel, "dispatch_attention_fn", called)
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", computed)
    return seen, torchs


@pytest.mark.parametrize("autocast", [False, True])
def test_training_in_bfloat16_on_a_cpu_attends_in_float32(dtypes, autocast):
    inputs = tokens(torch.bfloat16, trained=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        output = attend(*inputs)
    output.float().square().sum().backward()
    assert dtypes == ([torch.float32], [torch.float32])
    assert output.dtype == torch.bfloat16

    exact = [x.detach().double().requires_grad_() for x in inputs]
    true = attend(*exact)
    torch.testing.assert_close(output.double(), true, atol=0, rtol=2**-8)  # rounded once
    true.square().sum().backward()
    for x, y in zip(inputs, exact, strict=True):
        torch.testing.assert_close(x.grad.double(), y.grad, atol=2e-2, rtol=2**-6)


@pytest.mark.parametrize(("dtype", "trained"), [(torch.bfloat16, False), (torch.float32, True), (torch.float32, False)])
def test_everything_else_attends_as_it_comes(dtypes, dtype, trained):
    assert attend(*tokens(dtype, trained)).dtype == dtype
    assert dtypes == ([dtype], [dtype])


@pytest.mark.faults
def test_a_kernel_that_is_named_attends_as_it_comes(dtypes):
    """A plan names one, as it counts on a CPU what a GPU will do: it had counted float32 attention, and its memory."""
    assert attend(*tokens(torch.bfloat16, trained=True), backend="native").dtype == torch.bfloat16
    assert dtypes == ([torch.bfloat16], [torch.bfloat16])


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_every_variant_trains_with_it(dtypes, variant, tiny_config, make_inputs):
    model = VARIANTS[variant].model(**VARIANTS[variant].config(tiny_config))
    with torch.autocast("cpu", torch.bfloat16):
        model(**make_inputs(branches=len(model.config.branches)))
    seen, torchs = dtypes
    assert len(seen) == len(torchs) >= 4
    assert set(seen) == {torch.float32} == set(torchs)

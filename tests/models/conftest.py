from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from vera.models import VeraTransformer3DModel

TINY = {
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "in_channels": 4,
    "out_channels": 4,
    "text_dim": 16,
    "freq_dim": 32,
    "ffn_dim": 40,
    "num_layers": 2,
    "rope_max_seq_len": 32,
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors: threads would only wait for each other, for long when other processes want the same cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny_config() -> dict[str, Any]:
    """Sizes that Wan's and Vera's transformer both take."""
    return dict(TINY)


@pytest.fixture
def make_vera() -> Callable[..., VeraTransformer3DModel]:
    """A tiny model with random weights, the zero-initialised ones too unless `zeros` is set."""

    def make(zeros: bool = False, seed: int = 0, **overrides: Any) -> VeraTransformer3DModel:
        torch.manual_seed(seed)
        model = VeraTransformer3DModel(**{**TINY, **overrides}).eval()
        if not zeros:
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    if name.startswith(("source_embedding", "mask_embedding", "layer_embedding")):
                        parameter.normal_(std=0.5)
        return model

    return make


@pytest.fixture
def make_inputs() -> Callable[..., dict[str, torch.Tensor]]:
    """Arguments of `forward`; no mask unless asked for."""

    def make(
        batch: int = 2, branches: int = 3, size: tuple[int, int, int] = (2, 4, 6), mask: bool = False
    ) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(1)
        inputs = {
            "hidden_states": torch.randn(batch, branches, 4, *size, generator=generator),
            "timestep": torch.rand(batch, generator=generator) * 1000,
            "encoder_hidden_states": torch.randn(batch, 5, 16, generator=generator),
            "source": torch.randn(batch, 4, *size, generator=generator),
        }
        if mask:
            inputs["mask"] = torch.randn(batch, 4, *size, generator=generator)
        return inputs

    return make

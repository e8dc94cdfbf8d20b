"""Device and number type, chosen once for sampling and training."""

import pytest
import torch

from vera.errors import VeraError
from vera.hardware import choose_device, choose_dtype, computes_in_bf16, has_native_bf16, make_autocast

CPU = torch.device("cpu")
ABLE = [({}, False), ({"avx2": True}, False), ({"avx512_bf16": True}, True), ({"amx_bf16": True}, True)]


def test_devices_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_device("cpu") == CPU
    for name in ("cuda:99", "abacus"):
        with pytest.raises(VeraError, match=f"device '{name}' is not available"):
            choose_device(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto", mps=False) == CPU
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device() == CPU


def test_dtypes_by_name() -> None:
    assert choose_dtype("float16", CPU) == torch.float16
    assert choose_dtype(torch.float64, CPU) == torch.float64
    for name in ("int4", "int32", "nn"):
        with pytest.raises(VeraError, match="unknown dtype"):
            choose_dtype(name, CPU)


@pytest.mark.parametrize(("able", "native"), ABLE)
def test_sampling_and_training_agree_on_bfloat16(
    monkeypatch: pytest.MonkeyPatch, able: dict[str, bool], native: bool
) -> None:
    """Only where the CPU has it, and never on a device that nobody asked about."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert choose_dtype("auto", CPU) == (torch.bfloat16 if native else torch.float32)
    assert computes_in_bf16("auto", CPU) == has_native_bf16(CPU) == native
    assert computes_in_bf16("bf16", CPU) and not computes_in_bf16("fp32", CPU)
    assert not has_native_bf16(torch.device("mps"))
    with make_autocast("auto", CPU)():
        assert torch.is_autocast_enabled("cpu") == native

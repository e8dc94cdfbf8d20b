"""Muon over matrices of one shape at once, against torch's own, which takes them one by one."""

import copy

import pytest
import torch
from torch import nn

from vera.training.run import muon
from vera.training.run.muon import BatchedMuon

SHAPES = [(16, 16), (16, 16), (24, 8), (8, 24), (24, 8), (16, 16)]


def parameters(seed: int = 0) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def give_gradients(held: list[nn.Parameter], seed: int, without: int | None = None) -> None:
    for index, (p, gradient) in enumerate(zip(held, parameters(seed), strict=True)):
        p.grad = None if index == without else gradient.detach() * 10 ** (index - 3)


@pytest.mark.parametrize("together", [muon.TOGETHER, 2 * 256, 1], ids=["all", "two", "one"])
def test_steps_are_those_of_torch(monkeypatch, together):
    monkeypatch.setattr(muon, "TOGETHER", together)
    ours, theirs = parameters(), parameters()
    batched = BatchedMuon(ours, lr=0.01, weight_decay=0.1)
    plain = torch.optim.Muon(theirs, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for seed in range(1, 5):
        for held in (ours, theirs):
            give_gradients(held, seed, without=4 if seed == 2 else None)
        batched.step()
        plain.step()
        for one, other in zip(ours, theirs, strict=True):
            # A step's values are near 1, rounded to bfloat16 in each of fifteen products.
            torch.testing.assert_close(one, other, atol=0.01 * 0.2 * 24**0.5 * 2**-6 * seed, rtol=0)
    states = [[o.state[p]["momentum_buffer"] for p in held] for o, held in ((batched, ours), (plain, theirs))]
    assert all(torch.equal(one, other) for one, other in zip(*states, strict=True))


def test_either_goes_on_from_the_state_of_the_other():
    held = parameters()
    batched = BatchedMuon(held, lr=0.01, weight_decay=0.1)
    give_gradients(held, 1)
    batched.step()
    for kind in (torch.optim.Muon, BatchedMuon):
        again = kind(held, lr=0.5, weight_decay=0.0)
        again.load_state_dict(copy.deepcopy(batched.state_dict()))
        assert again.param_groups[0]["lr"] == 0.01
        assert set(again.state) == set(held)


def test_no_gradient_and_zeros_change_nothing_but_by_decay():
    held = parameters()
    before = [p.detach().clone() for p in held]
    batched = BatchedMuon(held, lr=0.5, weight_decay=0.1)
    batched.step()
    assert all(torch.equal(p, kept) for p, kept in zip(held, before, strict=True))
    for p in held:
        p.grad = torch.zeros_like(p)
    batched.step()
    assert all(torch.allclose(p, kept * 0.95) for p, kept in zip(held, before, strict=True))

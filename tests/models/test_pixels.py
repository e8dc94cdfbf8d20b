"""Pictures as networks see them."""

import numpy as np
import torch

from vera.models.pixels import to_network


def test_every_code_is_the_nearest_float() -> None:
    codes = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    seen = to_network(codes)
    exact = torch.from_numpy(np.arange(256) / np.float64(127.5) - 1).reshape(16, 16)
    assert seen.shape == (1, 3, 1, 16, 16) and (seen == seen[:, :1]).all()
    assert (seen[0, 0, 0].double() - exact).abs().max() <= 2**-24
    assert torch.equal(seen[:, 0], codes.float() / 127.5 - 1), "which other programs write, to the same bits"


def test_kinds_of_clips_agree() -> None:
    codes = torch.randint(0, 256, (2, 3, 4, 5, 3), dtype=torch.uint8)
    seen = to_network(codes)
    assert seen.shape == (2, 3, 3, 4, 5)
    assert torch.equal(seen, to_network(codes.float() / 255))
    assert torch.equal(to_network(codes[..., 0])[:, 1], seen[:, 0])
    assert torch.equal(to_network(codes[..., 0] > 99).unique(), torch.tensor([-1.0, 1.0]))

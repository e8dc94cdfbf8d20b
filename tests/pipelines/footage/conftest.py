from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from vera.pipelines import VeraPipeline


@pytest.fixture
def model(make_pipeline: Callable[..., VeraPipeline], tmp_path: Path) -> Path:
    """A model whose decoder shouts, so that alpha is exactly 0 in some places and 1 in others."""
    pipeline = make_pipeline(window_frames=5, window_overlap=0)
    with torch.no_grad():
        pipeline.vae.decoder.weight.mul_(100)
    pipeline.save_pretrained(tmp_path / "model")
    return tmp_path / "model"

"""`torchrun -m vera edit`: two processes make the edit of one, and one of them writes it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vera.layers import load_layers
from vera.models import VeraTransformer3DModel
from vera.pipelines import VeraPipeline, edit

TEXT = "add a red balloon"


@pytest.fixture
def model(make_pipeline: Callable[..., VeraPipeline], tmp_path: Path) -> Path:
    """Three heads, and frames of three by three patches: nothing divides by two."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"num_attention_heads": 3, "attention_head_dim": 12, "in_channels": 4, "out_channels": 4}
    transformer = VeraTransformer3DModel(**sizes, text_dim=16, freq_dim=16, ffn_dim=32, num_layers=2).eval()
    torch.nn.init.normal_(transformer.source_embedding.weight)
    make_pipeline(transformer=transformer, model_pixels=48 * 48).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_two_processes_make_the_edit_of_one(
    model: Path, make_clip: Callable[..., Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = make_clip("a.mkv", frames=9, size=(48, 48))
    options = ["--dtype", "float32", "--out", str(tmp_path / "two.mkv"), "--layers", str(tmp_path / "layers")]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "vera"]
    done = subprocess.run(
        [*command, "edit", str(source), TEXT, "--model", str(model), *options],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["result", "layers", "model", "edited"], "once"
    assert json.loads((tmp_path / "layers" / "manifest.json").read_text())["metadata"]["processes"] == 2

    alone = edit(source, TEXT, model=model, dtype="float32", out=tmp_path / "one.mkv").edit
    shared = load_layers(tmp_path / "layers")
    for one, two in ((alone.edit, shared.edit), (alone.alpha, shared.alpha)):
        assert np.abs(np.asarray(one, int) - np.asarray(two, int)).max() <= 2, "of 65535"
    assert np.asarray(alone.alpha).any()

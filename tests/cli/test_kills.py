"""Twenty kills of `vera edit --layers`: layers are whole or absent, and the same command goes on."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.clips import make_clip
from tests.killing import KILLS

from vera.layers.folder import FILES

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_killed_edits_leave_whole_layers_or_none(tmp_path: Path, tiny_model: Path) -> None:
    make_clip(tmp_path / "s.mkv", 60, (64, 64), codec="ffv1")
    shutil.copytree(tiny_model, tmp_path / "model")
    environment = os.environ | {"TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, "-m", "tests.killing", str(tmp_path)]
    told = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    kills = [json.loads(line) for line in told.splitlines()]
    assert len(kills) == KILLS
    for share, layers, same, code, whole in kills:
        assert layers in (0, len(FILES)) and same, (share, layers)
        assert (code, whole) == (0, True), share

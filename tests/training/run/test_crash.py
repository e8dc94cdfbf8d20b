"""An error that nobody expected ends the process, whatever its workers are at."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.training.drawn import flow_fields, write_recipe

SCRIPT = """
import sys
from importlib import import_module
from pathlib import Path
from tests.training.drawn import open_drawn
from vera.training.run.loop import train
from vera.training.cache import cache_data

def broken(*args, **more):
    raise RuntimeError("out of memory, say")

recipe, what, module, name = sys.argv[1:]
setattr(import_module(module), name, broken)
if what == "train":
    train(Path(recipe), open_data=open_drawn)
else:
    cache_data(Path(recipe), Path(recipe).parent / "cache", 100, open_data=open_drawn)
"""


@pytest.mark.parametrize(
    ("what", "module", "name"),
    [
        ("train", "vera.training.run.loop", "update_average"),
        ("cache", "vera.data.latents.writer", "write_shard"),
    ],
)
def test_a_process_with_workers_ends(tmp_path: Path, tiny_model: Path, what: str, module: str, name: str) -> None:
    recipe = write_recipe(tmp_path, **flow_fields(tiny_model) | {"workers": 2, "steps": 100})
    command = [sys.executable, "-c", SCRIPT, str(recipe), what, module, name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[3])
    assert done.returncode == 1 and done.stderr.rstrip().endswith("RuntimeError: out of memory, say")

"""How much memory a conversion takes, measured in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

from diffusers import WanTransformer3DModel

# RssAnon is what the process itself holds: pages of mapped files can be dropped at any time and are not counted.
MEASURE = """
import json, sys, threading, time
from pathlib import Path
from vera.models.conversion.base import open_base, write_transformer

def held():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))

base, out = open_base(Path(sys.argv[1])), Path(sys.argv[2])
before, peak, done = held(), 0, threading.Event()

def watch():
    global peak
    while not done.wait(0.001):
        peak = max(peak, held())

thread = threading.Thread(target=watch)
thread.start()
write_transformer(base, "mot", out, max_shard_size=int(sys.argv[3]))
done.set()
thread.join()
print(json.dumps({"peak": peak - before, "size": sum(file.stat().st_size for file in out.glob("*.safetensors"))}))
"""


def test_peak_memory_is_about_one_shard(tmp_path: Path) -> None:
    """A model of 290 MB in shards of 30 MB needs 30 MB and what the libraries take on first use."""
    sizes = {"num_attention_heads": 2, "attention_head_dim": 128, "ffn_dim": 2048, "num_layers": 16}
    WanTransformer3DModel(**sizes, text_dim=256, freq_dim=64).save_pretrained(tmp_path / "wan")
    shard = 30_000_000
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "wan"), str(tmp_path / "vera"), str(shard)],
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(measured.stdout)
    assert figures["size"] > 280_000_000
    assert 0.5 * shard < figures["peak"] < 1.5 * shard, figures

"""What is built and committed is what the sources say, small, and asks for nothing from elsewhere."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from vera.construction.decisions import read_decisions

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "src/vera/annotation/static"
BUDGET = 250_000  # bytes of a page


def test_the_built_page_is_small_and_asks_for_nothing_from_elsewhere() -> None:
    built = {path.name: path.read_text("utf-8") for path in STATIC.iterdir()}
    assert {"index.html", "index.js", "index.css"} <= set(built)
    assert sum(map(len, built.values())) < BUDGET
    text = "".join(built.values())
    assert not re.search(r"""(?:src|href|import|url)\s*[=(]\s*["']?https?:""", text)
    assert "<style" not in text and " style=" not in built["index.html"] and not re.search(r"<script>", text)


@pytest.mark.slow
def test_the_built_page_is_the_sources(tmp_path: Path) -> None:
    assert shutil.which("npx") and (ROOT / "web/node_modules").exists(), "no node_modules: `npm ci` in web/"
    command = ["npx", "vite", "build", "--mode", "annotation", "--outDir", str(tmp_path / "built"), "--emptyOutDir"]
    subprocess.run(command, cwd=ROOT / "web", check=True, capture_output=True)
    for path in STATIC.iterdir():
        again = (tmp_path / "built" / path.name).read_bytes()
        assert hashlib.sha256(again).digest() == hashlib.sha256(path.read_bytes()).digest(), path.name


def test_the_recorded_example_is_a_log_of_decisions() -> None:
    found = read_decisions([ROOT / "recipes/data/bikes.decisions.jsonl"])
    assert len(found) == 7
    assert [told[-1]["accept"] for (_, _, gate), told in found.items() if gate == "filter"] == [False]

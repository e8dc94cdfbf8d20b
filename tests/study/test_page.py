"""What is built and committed is what the sources say, and the page's rules are the reports'."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import BaseModel

from vera.evaluation.reports.run.heat import FULL
from vera.study.server.forms import Progress, Record, ShownTrial, State

ROOT = Path(__file__).parents[2]
BUDGET = 250_000  # bytes of a page


def test_differences_have_the_colours_and_the_scale_of_the_reports() -> None:
    colors = "".join(re.findall(r'"([0-9a-f]+)"', (ROOT / "web/study/inferno.ts").read_text()))
    expected = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[None], cv2.COLORMAP_INFERNO)[0, :, ::-1]
    assert colors == expected.tobytes().hex()
    assert f"export const FULL = {FULL};" in (ROOT / "web/study/heat.ts").read_text()


def test_the_built_page_is_small_and_asks_for_nothing_from_elsewhere() -> None:
    built = {path.name: path.read_text("utf-8") for path in (ROOT / "src/vera/study/static").iterdir()}
    assert {"index.html", "index.js", "index.css"} <= set(built)
    assert sum(map(len, built.values())) < BUDGET
    text = "".join(built.values())
    assert not re.search(r"""(?:src|href|import|url)\s*[=(]\s*["']?https?:""", text)
    assert "<style" not in text and " style=" not in built["index.html"] and not re.search(r"<script>", text)


@pytest.mark.parametrize(
    ("name", "model", "file"),
    [
        ("State", State, "api"),
        ("ShownTrial", ShownTrial, "api"),
        ("Progress", Progress, "api"),
        ("Recorded", Record, "record"),
    ],
)
def test_the_page_and_the_server_name_the_same_fields(name: str, model: type[BaseModel], file: str) -> None:
    body = re.search(rf"export interface {name} {{(.*?)\n}}", (ROOT / f"web/study/{file}.ts").read_text(), re.DOTALL)
    assert body is not None
    assert re.findall(r"^  (\w+)\??:", body[1], re.MULTILINE) == list(model.model_fields)


@pytest.mark.slow
def test_the_built_page_is_the_sources(tmp_path: Path) -> None:
    assert shutil.which("npx") and (ROOT / "web/node_modules").exists(), "no node_modules: `npm ci` in web/"
    command = ["npx", "vite", "build", "--mode", "study", "--outDir", str(tmp_path / "built"), "--emptyOutDir"]
    subprocess.run(command, cwd=ROOT / "web", check=True, capture_output=True)
    for path in (ROOT / "src/vera/study/static").iterdir():
        again = (tmp_path / "built" / path.name).read_bytes()
        assert hashlib.sha256(again).digest() == hashlib.sha256(path.read_bytes()).digest(), path.name

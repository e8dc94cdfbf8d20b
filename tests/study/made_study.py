"""Small studies made from noise that moves: three methods, which differ by the colour of a square."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.evaluation.benchmarks import texture

from vera.study.create import create_study
from vera.study.server.app import study_app
from vera.study.study import Design
from vera.video import write_lossless

METHODS = ("ours-secret", "plain-secret", "other-secret")
COLORS = {METHODS[0]: (200, 40, 40), METHODS[1]: (40, 200, 40), METHODS[2]: (40, 40, 200)}
RATE = Fraction(10)
Sides = dict[str, str]


def make_edits(folder: Path, cases: int = 8, frames: int = 5, size: tuple[int, int] = (64, 48)) -> Path:
    """Write clips and their list of edits; returns the list."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for case in range(cases):
        source = texture(case, frames, size[1], size[0])
        write_lossless(folder / f"{case}-source.mkv", source, RATE)
        for number, (method, color) in enumerate(COLORS.items()):
            edited = source.copy()
            edited[:, 10:30, 10:30] = color
            edited[:, -8:] = np.clip(edited[:, -8:].astype(int) + 40 * number, 0, 255)
            write_lossless(folder / f"{case}-{number}.mkv", edited, RATE)
            task = "obj_add" if case % 2 else "background_replace"
            row = {"case": f"case-{case}", "instruction": f"Add a red square, number {case}", "method": method}
            rows.append(row | {"task": task, "source": f"{case}-source.mkv", "result": f"{case}-{number}.mkv"})
    path = folder / "edits.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def make_study(folder: Path, cases: int = 8, **changes: Any) -> Path:
    """Write edits and the study of them below `folder`; returns the study's folder."""
    design = {"raters": 5, "trials": 27, "catches": 2, "repeats": 2} | changes.pop("design", {})
    create_study(make_edits(folder / "edits", cases), (), folder / "study", Design(**design), seed=7, **changes)
    return folder / "study"


class Browser:
    """A rater's browser as the server sees it: a client that keeps its cookies, and has opened a link."""

    def __init__(self, app: FastAPI, token: str, query: str = "") -> None:
        self.client = TestClient(
            app, base_url="http://127.0.0.1", follow_redirects=False, raise_server_exceptions=False
        )
        opened = self.client.get(f"/r/{token}{query}")
        assert opened.status_code == 303, opened.text
        self.session = opened.headers["location"].removeprefix("/#")
        self.path = f"/api/sessions/{self.session}"

    def state(self) -> Any:
        return self.client.get(self.path).json()

    def consent(self) -> Any:
        return self.client.post(f"{self.path}/consent", json={"adult": True, "agreed": True}).json()

    def answer(self, trial: int, sides: Sides | None = None, attempt: str | None = None, **record: Any) -> Any:
        body = answer_body(trial, sides or dict.fromkeys(("preservation", "compliance", "quality"), "left"), **record)
        if attempt is not None:
            body["attempt"] = attempt
        return self.client.put(f"{self.path}/answers/{trial}", json=body)


def answer_body(trial: int, sides: Sides, **record: Any) -> dict[str, Any]:
    """What a page sends of a trial."""
    taken = {
        "rt": 4000, "time_elapsed": 4000, "passes": 2, "heat_shown": 1, "heat_ms": 700, "hidden": 0,
        "width": 1280, "height": 800, "device": 1, "events": [{"t": 3, "kind": "pass"}],
    }  # fmt: skip
    return {"attempt": f"{trial:032x}", "sides": sides, "record": taken | record}


def open_app(folder: Path) -> tuple[FastAPI, Any]:
    """The app of a study and its links."""
    return study_app(folder)

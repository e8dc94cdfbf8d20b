"""The studio's server: how soon it answers, how long an exact frame takes, and the memory that a long clip takes.

Start: from `vera studio CLIP` to its link, by the clock and by the processor's time of the server and of the process
that probes the clip. Frames: source and result of an adjusted, painted layer, at random and one after the other, as
PNG. Memory: the highest resident size of the server with the process that draws, and of the worker's, while the proxy
of a 10-minute 4K clip is made and frames of it are asked for. The clip is a test pattern, H.264 with long groups.
Page: from asking for the editor's page to its form, and to the first picture of the viewer, in headless Chromium with
an empty cache.

Run: python -m benchmarks.studio start | page | frames | memory [--minutes 10]
"""

import argparse
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
from tests.browsers import chromium
from tests.clips import make_clip
from tests.studio.page.conftest import entered, visited
from tests.studio.serving import Served, served, wait_for

from vera.layers import LayeredEdit, save_layers
from vera.video import open_clip, planes
from vera.video.open import open_output

LAYER = {"opacity": 0.8, "feather": 2.0, "paint": [{"points": [[100, 100], [300, 200]], "radius": 30}]}


def test_pattern(path: Path, frames: int, size: tuple[int, int] = (3840, 2160), rate: int = 25) -> Path:
    """A gradient with a bar that moves: few bits, groups of 250 frames."""
    width, height = size
    with open_output(path) as container:
        stream: Any = container.add_stream(
            "libx264", rate=rate, options={"preset": "ultrafast", "g": "250", "crf": "30"}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        base = np.broadcast_to(np.linspace(40, 200, width).astype(np.uint8), (height, width))
        frame = av.VideoFrame(width, height, "yuv420p")
        luma, *chroma = planes(frame)
        luma[...] = base
        for plane in chroma:
            plane[...] = 128
        for number in range(frames):
            place = number * 16 % (width - 64)
            luma[:64] = base[:64]
            luma[:64, place : place + 64] = 235
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def layers_of(source: Path, folder: Path, count: int) -> Path:
    """A quarter-size layer over the first frames."""
    clip = open_clip(source)
    width, height = clip.display_size[0] // 4, clip.display_size[1] // 4
    alpha = np.zeros((count, height, width), np.uint16)
    alpha[:, height // 4 : height // 2, width // 4 : width // 2] = 60000
    edit = np.full((count, height, width, 3), 120, np.uint8)
    save_layers(LayeredEdit(edit, alpha, clip.pts[:count], clip.time_base, {"source": {"name": source.name}}), folder)
    return folder


def start(folder: Path) -> None:
    source = make_clip(folder / "clip.mp4", 100, (640, 360))
    clock, processor = [], []
    for _ in range(3):
        begun = time.perf_counter()
        with served(source, folder=folder) as studio:
            clock.append(time.perf_counter() - begun)
            server = psutil.Process(studio.process.pid)
            children = [child for child in server.children() if "spawn_main" in " ".join(child.cmdline())]
            processor.append(sum(sum(each.cpu_times()[:2]) for each in (server, *children)))
    print(f"start to link: {min(clock):.2f} s by the clock (of three), {min(processor):.2f} s of the processor")


def page(folder: Path) -> None:
    source = make_clip(folder / "clip.mp4", 100, (640, 360))
    layers_of(source, folder / "hat", 100)
    usable, shown = [], []
    with served(folder / "hat", folder=folder) as studio, chromium() as browser:
        project = ready(studio)
        lay(studio, project)
        for _ in range(5):
            context = entered(browser, studio, (1440, 900))
            visit = visited(context, studio, project)
            begun = time.perf_counter()
            visit.page.goto(visit.address("edit"))
            visit.page.get_by_role("button", name="Generate").wait_for()
            usable.append(time.perf_counter() - begun)
            visit.page.locator(".host", has_text="xact").wait_for()
            shown.append(time.perf_counter() - begun)
            context.close()
    print(f"page asked for to its form: {statistics.median(usable):.2f} s; to the first picture: ", end="")
    print(f"{statistics.median(shown):.2f} s (medians of five)")


def ready(studio: Served) -> str:
    opened = studio.ask("GET", "/about")["open"]
    wait_for(lambda: studio.ask("GET", f"/clips/{opened['clip']}")["media"], 3600)
    return str(opened["project"])


def lay(studio: Served, project: str) -> None:
    take = wait_for(lambda: [take for take in studio.ask("GET", f"/projects/{project}/takes") if take["media"]], 600)[0]
    tag = studio.client.get(f"/api/v1/projects/{project}").headers["ETag"]
    studio.ask("PATCH", f"/projects/{project}", {"layers": [{"take": take["id"]} | LAYER]}, **{"If-Match": tag})


def timed(studio: Served, project: str, numbers: list[int], view: str) -> str:
    took = []
    for number in numbers:
        begun = time.perf_counter()
        answer = studio.client.get(f"/api/v1/projects/{project}/frames/{number}?view={view}")
        assert answer.status_code == 200, answer.text
        took.append((time.perf_counter() - begun) * 1000)
    return f"p50 {statistics.median(took):.0f} ms, p95 {np.quantile(took, 0.95):.0f} ms"


def frames(folder: Path) -> None:
    for name, size in (("640x360", (640, 360)), ("1080p", (1920, 1080)), ("4K", (3840, 2160))):
        place = folder / name
        place.mkdir()
        source = test_pattern(place / "clip.mp4", 250, size)
        layers_of(source, place / "hat", 250)
        with served(place / "hat", folder=place) as studio:
            project = ready(studio)
            lay(studio, project)
            jumps = random.Random(0).sample(range(250), 20)
            for view in ("source", "result"):
                studio.client.get(f"/api/v1/projects/{project}/frames/0?view={view}")
                at_random = timed(studio, project, jumps, view)
                print(f"{name} {view}: at random {at_random}; in order {timed(studio, project, [*range(20)], view)}")


@contextmanager
def watched(pid: int) -> Iterator[dict[str, int]]:
    """The most that the server with its drawing process, and the worker's processes, held: bytes."""
    most, ended = {"server": 0, "worker": 0}, threading.Event()

    def look() -> None:
        server = psutil.Process(pid)
        while not ended.wait(0.2):
            sizes = {"server": server.memory_info().rss, "worker": 0}
            for child in server.children(recursive=True):
                try:
                    words = " ".join(child.cmdline())
                    sizes["worker" if "vera.jobs" in words else "server"] += child.memory_info().rss
                except psutil.Error:
                    continue
            for name, size in sizes.items():
                most[name] = max(most[name], size)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


def memory(folder: Path, minutes: float, rate: int) -> None:
    count = round(minutes * 60 * rate)
    source = test_pattern(folder / "clip.mp4", count, rate=rate)
    layers_of(source, folder / "hat", 50)
    with served(folder / "hat", folder=folder) as studio, watched(studio.process.pid) as most:
        begun = time.perf_counter()
        opened = studio.ask("GET", "/about")["open"]
        project = opened["project"]
        jumps = [0, count - 1, *random.Random(0).sample(range(count), 12)]
        print(f"source, while the proxy is made: {timed(studio, project, jumps, 'source')}")
        ready(studio)
        print(f"proxy of {count} frames: {time.perf_counter() - begun:.0f} s")
        lay(studio, project)
        print(f"result: {timed(studio, project, [*range(0, 50, 5), *jumps], 'result')}")
        print(f"server {most['server'] / 2**30:.2f} GiB, worker {most['worker'] / 2**30:.2f} GiB")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("start", "page", "frames", "memory"))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=int, default=25)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vera-studio-") as folder:
        if asked.what == "memory":
            memory(Path(folder), asked.minutes, asked.rate)
        else:
            {"start": start, "page": page, "frames": frames}[asked.what](Path(folder))


if __name__ == "__main__":
    main()

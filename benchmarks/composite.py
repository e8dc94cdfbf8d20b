"""Compositing in native planes beside ffmpeg's own `overlay` filter, and the memory that a clip takes.

Speed: 4K 10-bit 4:2:2 and 1080p 8-bit 4:2:0. Frames lie in memory before the clock starts; nothing is decoded or
encoded. Vera lays an RGB edit and its alpha over a frame (`composite_frame`). ffmpeg is measured twice, with two
threads: as the same job, an RGBA layer of the frame's size converted to the overlay's format by its scaler, and as
`overlay` alone, its layer ready in that format. Rounds alternate; figures are medians, ratios above 1 are Vera's.

Memory: the highest resident size of a process that composites a 4K 10-bit 4:2:2 clip to a lossless file, for a short
clip and one four times as long. Run: python benchmarks/composite.py [--memory]
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from vera.layers import composite_clip, composite_frame, load_layers, write_layers
from vera.layers.layer_frame import LayerFrame
from vera.video import open_clip, planes
from vera.video.open import open_output

SHAPES = {"yuv422p10le": (3840, 2160, 10), "yuv420p": (1920, 1080, 32)}  # width, height, frames a round
ROUNDS = 5


def matte(kind: str, width: int, height: int) -> np.ndarray:
    """Alpha [H,W] in [0,1]: a disc with a soft edge, all but a larger one, or smoke that is nowhere 0 or 1."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    distance = np.hypot(y - height / 2, x - width / 2) * (1080 / height)
    if kind == "smoke":
        return 0.5 + 0.4 * np.sin(distance / 90)
    disc = np.clip(((256 if kind == "object" else 360) - distance) / 20 + 0.5, 0, 1)
    return disc if kind == "object" else 1 - disc


def noise_frame(pix_fmt: str, width: int, height: int, seed: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, pix_fmt)
    top = 2 ** frame.format.components[0].bits
    rng = np.random.default_rng(seed)
    for plane in planes(frame):
        plane[...] = rng.integers(top // 16, top * 15 // 16, plane.shape, np.uint16)
    frame.time_base = Fraction(1, 25)
    return frame


def overlay_graph(source: av.VideoFrame, layer: av.VideoFrame) -> list[av.filter.context.FilterContext]:
    graph = av.filter.Graph()
    graph.threads = 2
    name = source.format.name.removesuffix("le")
    overlay = graph.add("overlay", f"format={'yuv420' if name == 'yuv420p' else name}")
    sink = graph.add("buffersink")
    inputs = []
    for index, frame in enumerate((source, layer)):
        shape = {"width": frame.width, "height": frame.height, "time_base": Fraction(1, 25)}
        inputs.append(graph.add_buffer(format=frame.format.name, **shape))
        inputs[-1].link_to(overlay, 0, index)
    overlay.link_to(sink)
    graph.configure()
    return [*inputs, sink, graph]


def overlay(sources: list[av.VideoFrame], layer: av.VideoFrame, frames: int) -> None:
    main_input, layer_input, sink, _ = overlay_graph(sources[0], layer)
    done = 0
    for index in range(frames):
        frame = sources[index % len(sources)]
        frame.pts = layer.pts = index
        main_input.push(frame)
        layer_input.push(layer)
        try:
            sink.pull()
            done += 1
        except av.BlockingIOError:
            pass
    assert done >= frames - 1


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure_speed() -> None:
    cv2.setNumThreads(2)
    print(
        "| source | edit | overlay from RGBA, fps | overlay alone, fps | vera, fps | same job | beside overlay alone |"
    )
    print("|---|---|---|---|---|---|---|")
    for pix_fmt, (width, height, frames) in SHAPES.items():
        sources = [noise_frame(pix_fmt, width, height, seed) for seed in range(2)]
        edit = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3)).astype(np.uint8)
        edit = cv2.resize(edit, (width, height), interpolation=cv2.INTER_CUBIC)
        ready = noise_frame(pix_fmt.replace("yuv", "yuva"), width, height, 9)
        for kind in ("object", "background", "smoke"):
            alpha = matte(kind, width, height)
            alpha16 = np.rint(alpha * 65535).astype(np.uint16)
            rgba = av.VideoFrame.from_ndarray(np.dstack([edit, np.rint(alpha * 255).astype(np.uint8)]), "rgba")
            rgba.time_base = Fraction(1, 25)
            planes(ready)[3][...] = np.rint(alpha * (2 ** ready.format.components[3].bits - 1))

            def vera(sources: list[av.VideoFrame] = sources, edit: np.ndarray = edit, a: np.ndarray = alpha16) -> None:
                for index in range(frames):  # noqa: B023
                    composite_frame(sources[index % len(sources)], LayerFrame(edit, a))

            works = (lambda: overlay(sources, rgba, frames), lambda: overlay(sources, ready, frames), vera)  # noqa: B023
            rounds = [[seconds(work) for work in works] for _ in range(ROUNDS)]
            job, alone, ours = (frames / statistics.median(column) for column in zip(*rounds, strict=True))
            name = f"{width}x{height} {pix_fmt} | {kind}, {(alpha > 0).mean():.0%} covered"
            print(f"| {name} | {job:.1f} | {alone:.1f} | {ours:.1f} | {ours / job:.2f} | {ours / alone:.2f} |")


def measure_memory() -> None:
    print("| 4K 10-bit 4:2:2 | peak resident |")
    print("|---|---|")
    for frames in (8, 32):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, __file__, "--make", folder, str(frames)], check=True)
            done = subprocess.run(
                [sys.executable, __file__, "--composite", folder], check=True, capture_output=True, text=True
            )
            print(f"| {frames} frames | {int(done.stdout) / 1024:.0f} MiB |")


def make(folder: Path, frames: int) -> None:
    """A 4K clip and layers for all of it."""
    width, height, _ = SHAPES["yuv422p10le"]
    source = folder / "source.mov"
    with open_output(source) as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv422p10le"
        frame = av.VideoFrame(width, height, "yuv422p10le")
        for index in range(frames):
            frame.pts = index
            for plane in planes(frame):
                plane[...] = 64 + (np.add.outer(np.arange(plane.shape[0]), np.arange(plane.shape[1])) + 8 * index) % 876
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    info = open_clip(source)
    small = np.random.default_rng(0).integers(0, 256, (272, 480, 3)).astype(np.uint8)
    alpha = np.rint(matte("background", 480, 272) * 65535).astype(np.uint16)
    write_layers(folder / "layers", (LayerFrame(small, alpha) for _ in info.pts), info.pts, info.time_base, {})


def main(arguments: list[str]) -> None:
    match arguments:
        case ["--make", folder, frames]:
            make(Path(folder), int(frames))
        case ["--composite", folder]:
            composite_clip(Path(folder) / "source.mov", load_layers(Path(folder) / "layers"), Path(folder) / "out.mov")
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        case ["--memory"]:
            measure_memory()
        case _:
            measure_speed()


if __name__ == "__main__":
    main(sys.argv[1:])

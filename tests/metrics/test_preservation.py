"""PSNR, SSIM, MS-SSIM and the count of changed samples: in a region, against torchmetrics, ffmpeg and closed forms."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from imageio_ffmpeg import get_ffmpeg_exe
from tests.metrics.real_clips import lossy
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from vera.metrics.preservation import IDENTICAL, SCALES, WINDOW, changed_samples, luma, ms_ssim, psnr, ssim

BORDER = WINDOW // 2  # torchmetrics mirrors frames at their borders; windows that lie wholly inside are the others
CLIPS = ("bikes", "bbb")


@pytest.fixture
def source() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 24, 28, 3), np.uint8)


def noisy(source: np.ndarray, by: int = 30) -> np.ndarray:
    noise = np.random.default_rng(1).integers(-by, by + 1, source.shape)
    return (source + noise).clip(0, 255).astype(np.uint8)


def test_only_the_region_counts(source: np.ndarray) -> None:
    result, region = source.copy(), np.zeros(source.shape[:3], bool)
    region[:, :, :14] = True
    result[:, :, 14:] = 255 - result[:, :, 14:]
    assert psnr(result, source, region) == IDENTICAL
    assert ssim(result, source, region) == pytest.approx(1)
    assert changed_samples(result, source, region) == (2 * 24 * 14 * 3, 0)
    result[0, 0, 0, 1] ^= 1
    assert changed_samples(result, source, region) == (2 * 24 * 14 * 3, 1)


def test_only_the_region_counts_at_all_scales() -> None:
    source = np.random.default_rng(0).integers(0, 256, (2, 200, 400, 3), np.uint8)
    result, region = source.copy(), np.zeros(source.shape[:3], bool)
    region[:, :, :190] = True
    result[:, :, 190:] = 255 - result[:, :, 190:]
    assert ms_ssim(result, source, region) == pytest.approx(1, abs=1e-6)
    whole = ms_ssim(result, source)
    assert whole is not None and whole < 0.9


def test_psnr_of_a_constant_error() -> None:
    source = np.full((1, 8, 8, 3), 100, np.uint8)
    assert psnr(source + np.uint8(10), source, np.ones((1, 8, 8), bool)) == pytest.approx(20 * np.log10(255 / 10))
    assert psnr(source + np.uint8(10), source) == pytest.approx(20 * np.log10(255 / 10))


def test_the_whole_frame_is_the_region_of_all_pixels(source: np.ndarray) -> None:
    result, everywhere = noisy(source), np.ones(source.shape[:3], bool)
    assert psnr(result, source) == pytest.approx(psnr(result, source, everywhere))
    assert ssim(result, source) == ssim(result, source, everywhere)


def test_an_empty_region_has_no_number(source: np.ndarray) -> None:
    nothing = np.zeros(source.shape[:3], bool)
    assert psnr(source, source, nothing) is None
    assert ssim(source, source, nothing) is None
    assert ms_ssim(source, source, nothing) is None
    assert changed_samples(source, source, nothing) == (0, 0)


def test_frames_without_a_window_have_no_number() -> None:
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (2, 10, 300, 3), np.uint8)
    assert ssim(small, small) is None and psnr(small, small) == IDENTICAL
    least = random.integers(0, 256, (1, 16 * WINDOW, 180, 3), np.uint8)
    assert ms_ssim(least, least) == pytest.approx(1)
    assert ms_ssim(least[:, 1:], least[:, 1:]) is None


def test_frames_without_a_region_say_nothing() -> None:
    source = np.random.default_rng(0).integers(0, 256, (2, 180, 180, 3), np.uint8)
    result, region = noisy(source), np.ones(source.shape[:3], bool)
    region[1] = False
    for measure in (psnr, ssim, ms_ssim):
        assert measure(result, source, region) == pytest.approx(measure(result[:1], source[:1]))


def test_ssim_is_that_of_a_loop_over_windows(source: np.ndarray) -> None:
    result = noisy(source)
    region = np.ones(source.shape[:3], bool)
    assert ssim(result, source, region) == pytest.approx(
        np.mean([windowed(r, s) for r, s in zip(result, source, strict=True)]), abs=1e-6
    )


def windowed(result: np.ndarray, source: np.ndarray) -> float:
    x, y = (frame @ np.array([0.299, 0.587, 0.114]) for frame in (result, source))
    r = np.arange(-5, 6)
    weight = np.exp(-(r[:, None] ** 2 + r[None, :] ** 2) / (2 * 1.5**2))
    weight /= weight.sum()
    values = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = x[top : top + 11, left : left + 11], y[top : top + 11, left : left + 11]
            ma, mb = (weight * a).sum(), (weight * b).sum()
            va, vb = (weight * (a - ma) ** 2).sum(), (weight * (b - mb) ** 2).sum()
            cov = (weight * (a - ma) * (b - mb)).sum()
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            values.append((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return float(np.mean(values))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_pictures_do_not_spoil_single_precision(level: int) -> None:
    """Where nearly nothing varies, variances are small differences of large numbers."""
    source = np.full((1, 40, 44, 3), level, np.uint8)
    result = noisy(source, 1)
    assert ssim(result, source) == pytest.approx(windowed(result[0], source[0]), abs=5e-5)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(177, 230), st.integers(177, 230), st.integers(0, 60))
def test_torchmetrics_says_the_same_of_random_pictures(seed: int, height: int, width: int, by: int) -> None:
    source = np.random.default_rng(seed).integers(0, 256, (2, height, width, 3), np.uint8)
    check_torchmetrics(noisy(source, by), source)


@pytest.mark.parametrize("crf", [22, 42])
@pytest.mark.parametrize("name", CLIPS)
def test_torchmetrics_says_the_same_of_real_clips(name: str, crf: int, tmp_path: Path) -> None:
    check_torchmetrics(*lossy(name, crf, tmp_path))


def check_torchmetrics(result: np.ndarray, source: np.ndarray) -> None:
    """To 1e-4, with borders as here; MS-SSIM also as torchmetrics has it, whose coarsest scale mirrors the borders."""
    codes = [torch.from_numpy(frames).double() for frames in (result, source)]
    expected = float(peak_signal_noise_ratio(*codes, data_range=255.0))
    assert psnr(result, source) == pytest.approx(min(expected, IDENTICAL), abs=1e-4)
    one, other = (
        torch.from_numpy(frames @ np.array([0.299, 0.587, 0.114]))[:, None].float() for frames in (result, source)
    )
    assert ssim(result, source) == pytest.approx(inner_ssim(one, other), abs=1e-4)
    values = []
    for pair in zip(one[:, None], other[:, None], strict=True):
        values.append(inner_ms_ssim(*pair))
    found = ms_ssim(result, source)
    assert found == pytest.approx(np.mean(values), abs=1e-4)
    mirrored = multiscale_structural_similarity_index_measure(one, other, data_range=255.0)
    assert found == pytest.approx(float(mirrored), abs=5e-3)


def inner_ssim(one: torch.Tensor, other: torch.Tensor) -> float:
    _, values = structural_similarity_index_measure(one, other, data_range=255.0, return_full_image=True)
    return float(values[..., BORDER:-BORDER, BORDER:-BORDER].mean())


def inner_ms_ssim(one: torch.Tensor, other: torch.Tensor) -> float:
    value = 1.0
    for exponent in SCALES[:-1]:
        _, structure = structural_similarity_index_measure(
            one, other, data_range=255.0, return_contrast_sensitivity=True
        )
        value *= float(structure.clamp(min=0)) ** exponent
        one, other = (torch.nn.functional.avg_pool2d(picture, 2) for picture in (one, other))
    return value * max(inner_ssim(one, other), 0) ** SCALES[-1]


@pytest.mark.parametrize("crf", [22, 32])
@pytest.mark.parametrize("name", CLIPS)
def test_ffmpeg_says_the_same_of_real_clips(name: str, crf: int, tmp_path: Path) -> None:
    """PSNR to what ffmpeg prints; SSIM, which it takes of other windows (8x8, every fourth), to 0.01."""
    result, source = lossy(name, crf, tmp_path)
    said = filtered("psnr", "rgb24", result, source, tmp_path)
    assert psnr(result, source) == pytest.approx(float(re.findall(r"average:([\d.]+)", said)[0]), abs=1e-5)
    greys = [np.rint([luma(frame) for frame in frames]).astype(np.uint8) for frames in (result, source)]
    said = filtered("ssim", "gray", *greys, tmp_path)
    assert ssim(result, source) == pytest.approx(float(re.findall(r"SSIM Y:([\d.]+)", said)[0]), abs=0.01)


def filtered(name: str, pix_fmt: str, result: np.ndarray, source: np.ndarray, folder: Path) -> str:
    """What ffmpeg's filter reports of the two clips' own samples."""
    inputs: list[str] = []
    for number, frames in enumerate((result, source)):
        path = folder / f"{number}.raw"
        frames.tofile(path)
        size = f"{frames.shape[2]}x{frames.shape[1]}"
        inputs += ["-f", "rawvideo", "-pix_fmt", pix_fmt, "-s", size, "-i", str(path)]
    command = [get_ffmpeg_exe(), "-nostdin", *inputs, "-lavfi", name, "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr

"""PSNR, SSIM and the count of changed samples, in a region."""

import numpy as np
import pytest

from vera.metrics.preservation import IDENTICAL, changed_samples, psnr, ssim


@pytest.fixture
def source() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 24, 28, 3), np.uint8)


def test_only_the_region_counts(source: np.ndarray) -> None:
    result, region = source.copy(), np.zeros(source.shape[:3], bool)
    region[:, :, :14] = True
    result[:, :, 14:] = 255 - result[:, :, 14:]
    assert psnr(result, source, region) == IDENTICAL
    assert ssim(result, source, region) == pytest.approx(1)
    assert changed_samples(result, source, region) == (2 * 24 * 14 * 3, 0)
    result[0, 0, 0, 1] ^= 1
    assert changed_samples(result, source, region) == (2 * 24 * 14 * 3, 1)


def test_psnr_of_a_constant_error() -> None:
    source = np.full((1, 8, 8, 3), 100, np.uint8)
    assert psnr(source + np.uint8(10), source, np.ones((1, 8, 8), bool)) == pytest.approx(20 * np.log10(255 / 10))


def test_an_empty_region_has_no_number(source: np.ndarray) -> None:
    nothing = np.zeros(source.shape[:3], bool)
    assert psnr(source, source, nothing) is None
    assert ssim(source, source, nothing) is None
    assert changed_samples(source, source, nothing) == (0, 0)


def test_ssim_is_that_of_a_loop_over_windows(source: np.ndarray) -> None:
    noise = np.random.default_rng(1).integers(-30, 31, source.shape)
    result = (source + noise).clip(0, 255).astype(np.uint8)
    region = np.ones(source.shape[:3], bool)
    assert ssim(result, source, region) == pytest.approx(
        np.mean([windowed(r, s) for r, s in zip(result, source, strict=True)])
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

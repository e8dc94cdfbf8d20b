"""Arrays that cannot be measured are refused in one line, by every measure that takes them."""

from collections.abc import Callable

import numpy as np
import pytest

from vera.errors import VeraError
from vera.metrics import compositing, consistency, coverage, matting, outline, placement, preservation, shadow, temporal
from vera.metrics.recognition import object_hit

FRAMES = np.zeros((3, 8, 10, 3), np.uint8)
ALPHA = np.zeros((3, 8, 10), np.float32)
OF_FRAMES = (
    preservation.psnr,
    preservation.ssim,
    preservation.ms_ssim,
    temporal.warp_excess,
    consistency.layer_disagreement,
)
OF_MATTES = (
    matting.mean_absolute_error,
    matting.sum_of_absolute_differences,
    matting.mean_squared_error,
    matting.gradient_error,
    matting.connectivity_error,
    matting.intersection_over_union,
    temporal.dtssd,
)
OF_ONE_MATTE: dict[str, Callable[[np.ndarray], object]] = {
    "coverage": coverage.coverage,
    "sane_share": coverage.sane_share,
    "leakage": coverage.leakage,
    "center": placement.center,
    "place_hit": lambda alpha: placement.place_hit(alpha, "left"),
    "outline_iou": lambda alpha: outline.outline_iou(alpha, [ALPHA[0] == 0]),
    "darkening": lambda alpha: shadow.darkening(FRAMES, FRAMES, alpha),
    "object_vector": lambda alpha: object_hit.object_vector(FRAMES, alpha, lambda _: np.ones((1, 2), np.float32)),
}


@pytest.mark.parametrize("measure", OF_FRAMES)
@pytest.mark.parametrize("other", [FRAMES[:2], FRAMES[:, :4], FRAMES[..., :1], FRAMES.astype(np.float32), FRAMES[:0]])
def test_frames_of_another_kind(measure: Callable[..., object], other: np.ndarray) -> None:
    for pair in ((FRAMES, other), (other, FRAMES)):
        with pytest.raises(VeraError, match=r"^frames .* cannot be measured[^\n]*$"):
            measure(*pair)


@pytest.mark.parametrize("measure", OF_FRAMES[:3])
@pytest.mark.parametrize("region", [ALPHA == 0, (ALPHA == 0)[:2], ALPHA, (ALPHA == 0)[..., None]])
def test_regions_of_another_kind(measure: Callable[..., object], region: np.ndarray) -> None:
    if region.dtype == np.bool_ and region.shape == ALPHA.shape:
        measure(FRAMES, FRAMES, region)
        return
    with pytest.raises(VeraError, match=r"a region .* must be bool"):
        measure(FRAMES, FRAMES, region)


@pytest.mark.parametrize("measure", OF_MATTES)
def test_mattes_of_another_kind(measure: Callable[..., object]) -> None:
    for other in (ALPHA[:2], ALPHA[:, :4], ALPHA[0], ALPHA.astype(np.uint8), ALPHA[:0]):
        for pair in ((ALPHA, other), (other, ALPHA)):
            with pytest.raises(VeraError, match=r"^a matte .* cannot be measured[^\n]*$"):
                measure(*pair)


@pytest.mark.faults
@pytest.mark.parametrize("measure", OF_MATTES)
@pytest.mark.parametrize("value", [255.0, -1.0])
def test_mattes_out_of_range(measure: Callable[..., object], value: float) -> None:
    """Of codes up to 255 there was an error of 25 where 0.05 was right."""
    bad = ALPHA.copy()
    bad[1, 2, 3] = value
    for pair in ((ALPHA, bad), (bad, ALPHA)):
        with pytest.raises(VeraError, match=r"matte of frame 1 has values from .*: bring it to \[0,1\] first"):
            measure(*pair)
    bad[1, 2, 3] = 1.01  # as a filter leaves it
    measure(ALPHA, bad)


@pytest.mark.parametrize("measure", OF_MATTES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_mattes_that_are_no_numbers(measure: Callable[..., object], value: float) -> None:
    bad = ALPHA.copy()
    bad[1, 2, 3] = value
    for pair in ((ALPHA, bad), (bad, ALPHA)):
        with pytest.raises(VeraError, match="matte of frame 1 holds values that are no numbers"):
            measure(*pair)


def test_layers_that_do_not_fit() -> None:
    for alpha in (ALPHA[:2], ALPHA * np.nan):
        with pytest.raises(VeraError, match=r"a matte .* does not fit|matte of frame 0"):
            compositing.compositing_residual(FRAMES, FRAMES, alpha, FRAMES)
        with pytest.raises(VeraError, match=r"a matte .* does not fit|matte of frame 0"):
            compositing.edge_band_error(FRAMES, FRAMES, alpha)
    with pytest.raises(VeraError, match="cannot be measured against"):
        compositing.compositing_residual(FRAMES, FRAMES[:, :4], ALPHA, FRAMES)


@pytest.mark.parametrize("measure", [temporal.flicker, temporal.warp_error])
def test_a_single_clip_of_another_kind(measure: Callable[..., object]) -> None:
    for clip in (FRAMES[0], FRAMES.astype(np.float64), FRAMES[:, :0], FRAMES[:0]):
        with pytest.raises(VeraError, match="must be uint8"):
            measure(clip)


def test_views_of_arrays_are_measured_as_their_copies() -> None:
    """Mirrored, strided and read-only arrays, which OpenCV does not take everywhere."""
    random = np.random.default_rng(0)
    result, source = random.integers(0, 256, (2, 3, 400, 400, 3), np.uint8)[:, :, ::-2, ::-2]
    alpha, truth = random.random((2, 3, 400, 400)).astype(np.float32)[:, :, ::2, ::-2]
    region = truth > 0.01
    for array in (result, source, alpha, truth, region):
        array.setflags(write=False)
    for measure in OF_FRAMES[:3]:
        assert measure(result, source, region) == measure(result.copy(), source.copy(), region.copy())
    assert temporal.warp_excess(result, source) == temporal.warp_excess(result.copy(), source.copy())
    assert temporal.flicker(result) == temporal.flicker(result.copy())
    for measure in OF_MATTES:
        assert measure(alpha, truth) == measure(alpha.copy(), truth.copy())
    layered = compositing.compositing_residual(result, source, alpha, source)
    assert layered == compositing.compositing_residual(result.copy(), source.copy(), alpha.copy(), source.copy())
    band = compositing.edge_band_error(result, source, alpha)
    assert band == compositing.edge_band_error(result.copy(), source.copy(), alpha.copy())


@pytest.mark.faults
@pytest.mark.parametrize("name", OF_ONE_MATTE)
def test_a_matte_alone_is_looked_at_too(name: str) -> None:
    """Leakage of codes was 0.0, and of a matte with NaN it was NaN: a figure that says nothing."""
    OF_ONE_MATTE[name](ALPHA)
    unknown = np.where(ALPHA == 0, np.float32("nan"), ALPHA)
    for bad in (unknown, ALPHA + 255, ALPHA.astype(np.uint8), ALPHA[0], ALPHA[:0]):
        with pytest.raises(VeraError, match=r"^[^\n]*matte[^\n]*$"):
            OF_ONE_MATTE[name](bad)

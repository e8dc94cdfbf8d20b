"""The fit of an outline: 1 for the same shape at any size and place, closed forms for others."""

import cv2
import numpy as np
import pytest

from vera.metrics.outline import outline_iou


def star(side: int, points: int = 5) -> np.ndarray:
    angles = np.arange(2 * points) * np.pi / points
    radii = np.where(np.arange(2 * points) % 2, 0.45, 0.98) * side / 2
    corners = np.stack([side / 2 + radii * np.sin(angles), side / 2 - radii * np.cos(angles)], axis=-1)
    return cv2.fillPoly(np.zeros((side, side), np.uint8), [corners.round().astype(np.int32)], 1).astype(bool)


def disc(side: int) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return x**2 + y**2 <= (side / 2) ** 2


def clip(*masks: np.ndarray | None, at: tuple[int, int] = (10, 30)) -> np.ndarray:
    alpha = np.zeros((len(masks), 144, 256), np.float32)
    for frame, mask in zip(alpha, masks, strict=True):
        if mask is not None:
            frame[at[0] : at[0] + mask.shape[0], at[1] : at[1] + mask.shape[1]] = mask
    return alpha


@pytest.mark.parametrize("side", [40, 64, 100])
@pytest.mark.parametrize("at", [(0, 0), (30, 150)])
def test_the_same_shape_at_any_size_and_place(side: int, at: tuple[int, int]) -> None:
    assert outline_iou(clip(star(side), at=at), [star(128)]) > 0.93


def test_a_disc_and_a_square_overlap_as_they_do_on_paper() -> None:
    half = np.sqrt(np.pi) / 2  # of the square with the area of the unit disc
    outside = 4 * (np.arccos(half) - half * np.sqrt(1 - half**2))
    equal_areas = (np.pi - outside) / (np.pi + outside)
    assert outline_iou(clip(np.ones((60, 60), bool)), [disc(128)]) == pytest.approx(equal_areas, abs=0.01)


def test_a_mirrored_shape_fits_and_the_best_silhouette_counts() -> None:
    corner = np.tril(np.ones((60, 60), bool))
    mirrored = corner[:, ::-1]
    assert outline_iou(clip(mirrored), [corner]) > 0.95
    assert outline_iou(clip(corner), [disc(90), corner]) == outline_iou(clip(corner), [corner])
    assert outline_iou(clip(corner), [disc(90)]) < 0.8


def test_shadows_and_specks_do_not_count_and_frames_without_an_object_are_misses() -> None:
    alpha = clip(star(80))
    plain = outline_iou(alpha, [star(128)])
    alpha[:, 80:95, 20:140] = np.maximum(alpha[:, 80:95, 20:140], 0.4)
    alpha[:, 140:, 250:] = 1
    assert outline_iou(alpha, [star(128)]) == plain
    assert outline_iou(clip(star(80), None), [star(128)]) == pytest.approx(plain / 2)
    assert outline_iou(clip(None), [star(128)]) == 0

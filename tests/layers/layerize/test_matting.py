"""A network's matte of what is roughly found: which parts are left to it, and what it changes."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.layers.layerize.scenes import SIZE, disc, over, plate

from vera.layers.layerize import ArrayFootage, layerize_frames
from vera.layers.layerize.matting import LARGEST, solid_matte


@dataclass
class Known:
    """Knows the alpha of a whole frame, and finds the part that it is shown by its place in a gradient."""

    alpha: np.ndarray
    name: str = "known"
    trimaps: list[np.ndarray] = field(default_factory=list)

    def __call__(self, picture: np.ndarray, trimap: np.ndarray) -> np.ndarray:
        self.trimaps.append(trimap)
        return cv2.resize(self.alpha, trimap.shape[::-1])


def codes(picture: np.ndarray) -> np.ndarray:
    return np.rint(picture * 255).clip(0, 255).astype(np.uint8)


def test_a_network_closes_what_looks_like_the_source() -> None:
    """A ball on a wall of nearly its own colour: only a part of its rim is seen to differ."""
    wall = plate().copy()
    wall[20:76, 52:108] = 0.8
    alpha = disc(SIZE, 80, 48, 25)
    ball = np.full_like(wall, 0.8)
    ball[:, :80] = (0.9, 0.1, 0.1)
    source, edited = codes(wall), codes(over(wall, ball, alpha))

    class Whole(Known):
        def __call__(self, picture: np.ndarray, trimap: np.ndarray) -> np.ndarray:
            self.trimaps.append(trimap)
            assert picture.shape[:2] == trimap.shape and picture.dtype == trimap.dtype == np.uint8
            return np.ones(trimap.shape, np.float32)

    def error(**how: object) -> float:
        found = layerize_frames(ArrayFootage(source[None], 1, "s"), edited[None], 1, in_step=True, **how)  # type: ignore[arg-type]
        (layer,) = found.frames()
        record = found.record()["matting"]
        assert record == (None if not how else "whole")
        return float((alpha - layer.alpha / 65535).clip(0).mean())

    whole = Whole(alpha, "whole")
    assert error(matting=whole) < error()
    assert set(np.unique(whole.trimaps[0])) == {0, 128, 255}


@given(st.integers(10, 30), st.integers(1, 8), st.floats(0.1, 0.9))
def test_what_is_far_from_the_certain_is_left_alone(radius: int, soft: int, shadow: float) -> None:
    solid, shade = disc(SIZE, 50, 48, radius, soft), shadow * disc(SIZE, 130, 48, 20)
    guess = np.maximum(solid, shade).astype(np.float32)
    network = Known(np.ones(SIZE[::-1], np.float32))
    found = solid_matte(network, plate(), guess)
    if found is None:
        assert not network.trimaps
        return
    assert found.dtype == np.float32 and found.shape == guess.shape
    assert not found[:, 110:].any()
    assert (guess[found > 0] > 0).mean() > 0.5
    (trimap,) = network.trimaps
    assert (trimap == 255).sum() <= (guess >= 0.95).sum()


def test_nothing_certain_asks_no_network() -> None:
    network = Known(np.ones(SIZE[::-1], np.float32))
    assert solid_matte(network, plate(), 0.5 * disc(SIZE, 80, 48, 30)) is None
    assert solid_matte(network, plate(), np.zeros(SIZE[::-1], np.float32)) is None
    assert not network.trimaps


def test_large_things_are_shown_small() -> None:
    size = (2600, 1500)
    alpha = disc(size, 1300, 750, 700)
    network = Known(np.zeros((10, 10), np.float32))
    found = solid_matte(network, np.zeros((*size[::-1], 3), np.float32), alpha)
    assert found is not None and found.shape == alpha.shape
    assert max(network.trimaps[0].shape) == LARGEST
    assert (found[alpha == 0] == 0).all() and (found == 1).any()

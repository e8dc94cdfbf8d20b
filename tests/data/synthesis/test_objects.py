"""Cut-outs in motion: where they are, how large, that they move with the scene, and their shadows."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vera.data.synthesis.camera import chain, film, move, plan_camera
from vera.data.synthesis.objects import (
    CELLS,
    Light,
    harmonize,
    harmony,
    plan_light,
    plan_track,
    render_cast,
    render_cutout,
    render_shadows,
    tint,
)
from vera.data.synthesis.vocabulary import COLORS, MOTIONS, PLACES, SIZES

STILL = np.tile(np.eye(2, 3, dtype=np.float32), (9, 1, 1))
DISC = np.zeros((40, 40, 4), np.uint8)
DISC[(np.hypot(*np.mgrid[-19.5:20, -19.5:20]) < 19)] = (200, 60, 40, 255)


def center_of(alpha: np.ndarray) -> float:
    return float((alpha.sum((0, 1)) * np.arange(alpha.shape[2])).sum() / alpha.sum())


@pytest.mark.parametrize("place", list(PLACES))
@pytest.mark.parametrize("motion", list(MOTIONS))
def test_the_object_is_where_its_words_say(place: str, motion: str) -> None:
    third = list(PLACES).index(place)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        camera = plan_camera(9, 64, 96, rng)
        track = plan_track((40, 40), place, "medium", motion, camera, 64, 96, rng)
        alpha = render_cutout([DISC], track, camera, 64, 96, shutter=0.5)[..., 3]
        assert third / 3 - 0.03 <= center_of(alpha) / 96 <= (third + 1) / 3 + 0.03
        still = render_cutout([DISC], track, STILL, 64, 96, shutter=0)[..., 3]
        travel = center_of(still[-1:]) - center_of(still[:1])
        if motion in ("left", "right"):
            assert travel * (1 if motion == "right" else -1) > 1
        if motion == "approach":
            assert still[-1].sum() > 1.1 * still[0].sum()
        if motion == "rise":
            assert track.rise[0] == 0 and np.all(np.diff(track.rise) > 0)


def test_sizes_are_ordered() -> None:
    coverage = []
    for size in SIZES:
        track = plan_track((40, 40), "center", size, "still", STILL[:1], 64, 96, np.random.default_rng(0))
        coverage.append(render_cutout([DISC], track, STILL[:1], 64, 96, 0)[..., 3].mean())
    assert coverage[0] < coverage[1] < coverage[2]


def test_a_still_object_moves_with_the_scene() -> None:
    """A white disc in the scene and a cut-out laid over it stay together whatever the camera does."""
    scene = np.zeros((80, 120, 3), np.uint8)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        camera = plan_camera(9, 64, 96, rng)
        track = plan_track((40, 40), "center", "small", "still", camera, 64, 96, rng)
        x, y = move(track.matrices, np.array([19.5, 19.5]))[0] + (12, 8)  # the scene's corner is outside of the frame
        rows, columns = np.mgrid[:80, :120]
        scene[:] = (np.hypot(columns - x, rows - y) < 19.5 * track.sizes[0] / 40)[..., None] * np.uint8(255)
        filmed = film([scene], camera, 64, 96, shutter=0)[..., 0]
        layer = render_cutout([DISC], track, camera, 64, 96, shutter=0)[..., 3] * 255
        for t in range(9):
            assert abs(center_of(filmed[t : t + 1]) - center_of(layer[t : t + 1])) < 0.2
            assert filmed[t].sum() == pytest.approx(layer[t].sum(), rel=0.1)


def test_motion_blur_widens_along_the_way_and_keeps_coverage() -> None:
    rng = np.random.default_rng(0)
    track = plan_track((40, 40), "center", "small", "still", STILL, 64, 96, rng)
    fast = STILL.copy()
    fast[:, 0, 2] = 6.0 * (np.arange(9) - 4)
    sharp = render_cutout([DISC], track, fast, 64, 96, shutter=0)[4, ..., 3]
    blurred = render_cutout([DISC], track, fast, 64, 96, shutter=1)[4, ..., 3]
    assert blurred.sum() == pytest.approx(sharp.sum(), rel=1e-3)
    assert (blurred.max(0) > 0.05).sum() >= (sharp.max(0) > 0.05).sum() + 4
    assert (blurred.max(1) > 0.05).sum() <= (sharp.max(1) > 0.05).sum() + 1


def test_the_contact_shadow_lies_under_the_object_and_fades_as_it_rises() -> None:
    track = plan_track((40, 40), "center", "medium", "bounce", STILL, 64, 96, np.random.default_rng(1))
    light = Light(contact=0.4, cast=0.0, fall=(0.5, -0.2), softness=0.03)
    shadow = render_shadows([DISC[..., 3]], track, light, STILL, 64, 96)
    assert shadow.max() <= 0.4
    lowest, highest = track.rise.argmin(), track.rise.argmax()
    assert shadow[lowest].max() > shadow[highest].max()
    assert abs(float(shadow[lowest].sum(1).argmax()) - track.feet[0, 1]) <= 1


@pytest.mark.parametrize("side", ["left", "right"])
def test_light_from_a_side_casts_to_the_other_and_shades(side: str) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        track = plan_track((40, 40), "center", "medium", "still", STILL[:1], 64, 96, rng)
        light = plan_light(side, rng)
        assert light.cast > 0
        shadow = render_shadows([DISC[..., 3]], track, light, STILL[:1], 64, 96)
        away = center_of(shadow) - track.feet[0, 0]
        assert away * (1 if side == "left" else -1) > 2
        lit = harmonize(DISC, np.ones(3, np.float32), side)[20].astype(int).sum(-1)
        assert (lit[8] > lit[-8]) == (side == "left")


def test_harmony_takes_the_scenes_brightness_and_cast() -> None:
    dark, warm = np.full((4, 4, 3), 20, np.uint8), np.full((4, 4, 3), (220, 150, 60), np.uint8)
    rng = np.random.default_rng
    assert harmonize(DISC, harmony(dark, rng(0)), "plain")[..., :3].mean() < 0.8 * DISC[..., :3].mean()
    inside = harmonize(DISC, harmony(warm, rng(0)), "plain")[20, 20].astype(float) / DISC[20, 20]
    assert inside[0] > inside[2] and inside[3] == 1


@pytest.mark.parametrize("motion", ["right", "bounce"])
def test_shadows_follow_what_casts_them(motion: str) -> None:
    track = plan_track((40, 40), "center", "small", motion, STILL, 64, 96, np.random.default_rng(2))
    light = Light(contact=0.4, cast=0.0, fall=(0.5, -0.2), softness=0.03)
    room = np.zeros((60, 120), np.uint8)
    room[50:60, 40:80] = 200
    made_up = render_shadows([DISC[..., 3]], track, light, STILL, 64, 96)
    rendered = render_cast([room], (40, 20), (40, 40), track, STILL, 64, 96)
    for t in range(9):
        assert abs(center_of(made_up[t : t + 1]) - track.feet[t, 0]) < 1
        assert abs(center_of(rendered[t : t + 1]) - track.feet[t, 0]) < 1
        # The lowest row of the thing is the row of pixel 59 of the room.
        scale = track.sizes[t] / 40
        rows = np.flatnonzero(rendered[t].sum(1) > 0)
        assert rows[-1] <= track.feet[t, 1] + 1.5 and rows[0] >= track.feet[t, 1] - 10 * scale - 1.5
    if motion == "bounce":
        assert rendered[track.rise.argmax()].max() < rendered[track.rise.argmin()].max()


def test_the_camera_starts_and_ends_within_the_scene_and_is_at_rest_in_the_middle() -> None:
    for seed in range(40):
        camera = plan_camera(17, 64, 96, np.random.default_rng(seed))
        inverse = np.stack([np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2] for matrix in camera])
        for corner in ((0, 0), (95, 0), (0, 63), (95, 63)):
            x, y = move(inverse, np.array(corner)).T
            assert x.min() > -12 and x.max() < 107 and y.min() > -8 and y.max() < 71
        assert np.allclose(chain(inverse, camera), np.eye(2, 3), atol=1e-3)


@pytest.mark.parametrize("color", list(COLORS))
def test_tint_changes_the_hue_and_nothing_of_the_shape(color: str) -> None:
    tinted = tint(DISC, color)
    assert np.array_equal(tinted[..., 3], DISC[..., 3])
    red, green, blue = tinted[20, 20, :3].astype(int)
    if color == "blue":
        assert blue > red and blue > green
    if color == "black":
        assert max(red, green, blue) < 70
    if color == "white":
        assert min(red, green, blue) > 180


@settings(max_examples=60, deadline=None)
@example(place="left", size="large", motion="still", frames=1, rows=100, seed=683)  # the camera moves its top out
@given(
    place=st.sampled_from(list(PLACES)),
    size=st.sampled_from(list(CELLS)),
    motion=st.sampled_from(list(MOTIONS)),
    frames=st.sampled_from([1, 9]),
    rows=st.integers(80, 120),
    seed=st.integers(0, 1000),
)
def test_on_a_grid_things_stand_alike(place: str, size: str, motion: str, frames: int, rows: int, seed: int) -> None:
    height, width, grid = 144, 256, 16
    rng = np.random.default_rng(seed)
    camera = plan_camera(frames, height, width, rng)
    track = plan_track((rows, 100), place, size, motion, camera, height, width, rng, grid)
    seen = chain(camera, track.matrices)
    corner = seen[0, :, 2]
    assert np.abs(corner - grid * np.round(corner / grid)).max() < 1e-3
    if frames == 1 and motion == "still":
        assert np.sqrt(np.linalg.det(track.matrices[0, :, :2]) * rows * 100) == pytest.approx(CELLS[size] * grid, 1e-4)
        assert np.allclose(track.matrices[0, :, :2], track.matrices[0, 0, 0] * np.eye(2), atol=1e-6)
        assert corner[1] >= 0 and move(seen, np.array([0, rows - 1]))[0, 1] < height
        third = list(PLACES).index(place)
        assert third / 3 <= move(seen, np.array([50, rows / 2]))[0, 0] / width <= (third + 1) / 3
        # The ground goes with it.
        bottom = move(track.matrices, np.array([49.5, rows - 1]))[0]
        assert np.allclose(bottom, track.feet[0], atol=1e-3)

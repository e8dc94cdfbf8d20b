"""Mattes, effects and layers of clips whose layers are known."""

import numpy as np
from tests.construction.embedded.scenes import COLOR, crossing

from vera.construction.embedded import clean_plate, find_effects, holes_of, mattes, object_layers, track_camera
from vera.data.synthesis.compose import lay_over


def test_a_matte_is_sure_away_from_the_edge_and_close_at_it() -> None:
    scene = crossing(frames=3)
    found = mattes(scene.clip, scene.masks)
    assert found[scene.alpha == 0].max() < 0.5 and (found[1, 24:29, 46:51] == 1).all()
    assert np.abs(found - scene.alpha).mean() < 0.005
    assert found.dtype == np.float32 and found.min() >= 0 and found.max() <= 1


def test_masks_of_nothing_of_all_and_of_a_thread_are_their_own_mattes() -> None:
    scene = crossing(frames=3)
    masks = np.zeros_like(scene.masks)
    masks[1], masks[2, 20] = True, True
    assert (mattes(scene.clip, masks) == masks).all()


def test_layers_over_the_true_plate() -> None:
    scene = crossing(shade=0.4)
    truth = scene.alpha + scene.shadow * (1 - scene.alpha)
    holes = holes_of(truth > 0.02)
    layers = object_layers(scene.clip, scene.plate, holes, scene.alpha)
    assert (layers.alpha[~holes] == 0).all()
    assert (layers.alpha >= np.where(holes, scene.alpha, 0) - 0.4).all()
    assert np.abs(layers.alpha - truth)[truth > 0].mean() < 0.04
    solid = scene.alpha == 1
    assert np.abs(layers.edit[solid] - np.array(COLOR)).max() <= 1
    for t, alpha in enumerate(layers.alpha):
        result = np.empty_like(scene.clip[t])
        lay_over(scene.plate[t], layers.edit[t], np.rint(alpha * 255).astype(np.uint8), result)
        assert np.abs(result.astype(int) - scene.clip[t]).mean() < 0.5


def test_without_a_change_there_is_no_layer() -> None:
    scene = crossing(frames=3)
    layers = object_layers(scene.plate, scene.plate, np.ones_like(scene.masks))
    assert not layers.alpha.any()


def test_an_object_in_the_colour_of_the_wall_is_solid_by_its_matte() -> None:
    scene = crossing(frames=3)
    layers = object_layers(scene.plate, scene.plate, holes_of(scene.masks), scene.alpha)
    assert (layers.alpha[scene.alpha == 1] == 1).all()


def test_a_moving_shadow_is_an_effect_and_no_object() -> None:
    scene = crossing(frames=15, shade=0.4)
    found = find_effects(scene.clip, scene.masks, track_camera(scene.clip, scene.masks))
    holes = holes_of(scene.masks)
    dark = (scene.shadow > 0.2) & ~holes
    dark[:3], dark[-3:] = False, False  # there it leaves what other frames see
    assert not (found & holes).any()
    assert found[dark].mean() > 0.8 and found[scene.shadow == 0].mean() < 0.02
    plate = clean_plate(scene.clip, holes_of(scene.masks, found), scene.camera)
    assert np.abs(plate.frames[dark].astype(int) - scene.plate[dark]).mean() < 2


def test_no_object_has_no_effects() -> None:
    scene = crossing()
    assert not find_effects(scene.clip, np.zeros_like(scene.masks), scene.camera).any()

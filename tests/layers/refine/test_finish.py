"""The way to the source's size, as the manifest says, and what it takes from there to a composite."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from vera.errors import VeraError
from vera.layers import LayeredEdit
from vera.layers.layer_frame import FULL, LayerFrame
from vera.layers.refine.finish import Finish, finish_layer
from vera.layers.refine.floor import fit_layer
from vera.layers.refine.grain import LEVELS, Grain

GRAIN = Grain(((0.01,) * LEVELS,) * 3, ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), 0.2, 0.1)
ALL = Finish("plate", 0.75, True, GRAIN, 5)


def layer() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edit and alpha at 24x16, and a plate at 72x48 whose left half is another colour."""
    alpha = np.zeros((16, 24), np.uint16)
    alpha[:, 12:] = FULL
    alpha[:, 11] = FULL // 3
    plate = np.full((48, 72, 3), 60, np.uint8)
    plate[:, 35:] = 190
    return np.full((16, 24, 3), 120, np.uint8), alpha, plate


def test_it_survives_the_manifest() -> None:
    for finish in (Finish(), ALL):
        assert Finish.from_json(json.loads(json.dumps(finish.to_json()))) == finish
    assert Finish.from_json({}) == Finish()


@pytest.mark.parametrize(
    "damaged",
    [{"guide": "sun"}, {"blur": "much"}, {"blur": -1}, {"grain": {}}, {"grain": 3}, {"seed": -1}, [], {"guide": []}],
)
def test_what_is_no_finish_is_one_clear_line(damaged: object) -> None:
    with pytest.raises(VeraError, match="`refine` cannot be understood"):
        Finish.from_json(damaged)  # type: ignore[arg-type]


def test_nothing_recorded_is_the_plain_fit() -> None:
    edit, alpha, plate = layer()
    for found, plain in zip(
        finish_layer(LayerFrame(edit, alpha), (72, 48), Finish(), plate),
        fit_layer(LayerFrame(edit, alpha), (72, 48)),
        strict=True,
    ):
        assert np.array_equal(found, plain)


def test_each_part_has_its_effect() -> None:
    edit, alpha, plate = layer()
    plain_edit, plain_alpha = finish_layer(LayerFrame(edit, alpha), (72, 48), Finish(), plate)
    guided = finish_layer(LayerFrame(edit, alpha), (72, 48), Finish("plate"), plate)
    assert np.array_equal(guided[0], plain_edit) and not np.array_equal(guided[1], plain_alpha)
    clean = finish_layer(LayerFrame(edit, alpha), (72, 48), Finish(decontaminate=True), plate)
    assert not np.array_equal(clean[0], plain_edit) and np.array_equal(clean[1], plain_alpha)
    grainy = finish_layer(LayerFrame(edit, alpha), (72, 48), Finish(grain=GRAIN), None, 3)
    assert 0.008 < (grainy[0] / 65535 - plain_edit / 255)[plain_alpha == 1].std() < 0.012
    assert not np.array_equal(
        grainy[0], finish_layer(LayerFrame(edit, alpha), (72, 48), Finish(grain=GRAIN), None, 4)[0]
    )


def test_a_layered_edit_follows_its_finish() -> None:
    edit, alpha, plate = layer()
    layered = LayeredEdit(edit[None], alpha[None], (0,), Fraction(1, 25), finish=ALL)
    for found, direct in zip(
        layered.frame(0, (72, 48), plate), finish_layer(LayerFrame(edit, alpha), (72, 48), ALL, plate), strict=True
    ):
        assert np.array_equal(found, direct)
    plain = replace(layered, finish=Finish())
    assert np.array_equal(plain.frame(0, (72, 48), plate)[1], fit_layer(LayerFrame(edit, alpha), (72, 48))[1])

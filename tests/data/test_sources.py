"""What a recipe's data may be, told before anything is opened."""

from typing import Any

import pytest

from vera.data.sources import batch_counts, check_share, open_layer_data
from vera.errors import VeraError

pytestmark = pytest.mark.faults
NANO = {"stages": [{"until": 9000, "frames": {1: 1}}, {"until": None, "frames": {1: 0.5, 9: 0.25, 17: 0.25}}]}
RELEASED = {"kind": "released", "path": "a/b"}


@pytest.mark.parametrize(
    ("data", "counts"),
    [
        ({}, {32}),
        (RELEASED, {32}),
        (NANO, {32, 10, 6}),
        ({"kind": "mixture", "parts": [{"weight": 1} | NANO, {"weight": 2} | RELEASED]}, {32, 10, 6}),
    ],
)
def test_how_many_samples_batches_have(data: dict[str, Any], counts: set[int]) -> None:
    assert batch_counts(data, 32) == counts


def test_a_batch_of_a_later_stage_is_shared_before_the_first_step() -> None:
    check_share(NANO, 32, 2)
    with pytest.raises(VeraError, match=r"32 gives batches of 6, 10 samples, which cannot be shared by 4 .*; 60 can"):
        check_share(NANO, 32, 4)
    check_share(NANO, 60, 4)
    with pytest.raises(VeraError, match="3 samples cannot be shared by 2 processes; 4 can"):
        check_share(RELEASED, 3, 2)


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "nothing"},
        {"source": ["synthetic"]},
        {"source": None},
        {"path": 3, "kind": "released"},
        {"kind": "released"},
        {"kind": "released", "path": ""},
        {"kind": "released", "path": "a\nb"},
        {"kind": "released", "path": "a", "frames": 0},
        {"kind": "released", "path": "a", "frames": "many"},
        {"kind": "released", "path": "a", "size": [832, 480]},
        {"kind": "released", "path": "a", "size": "9" * 5000 + "x16"},
        {"kind": "released", "path": "a", "subsets": {"b": float("inf")}},
        {"kind": "released", "path": "a", "subsets": ["b"]},
        {"kind": "released", "path": "a", "held_out": True},
        {"kind": "released", "path": "a", "held_out_share": 2},
        {"kind": "released", "path": "a", "seed": -1},
        {"kind": "shards"},
        {"kind": "shards", "path": {"a": 1}},
        {"kind": "mixture"},
        {"kind": "mixture", "parts": []},
        {"kind": "mixture", "parts": [3]},
        {"kind": "mixture", "parts": [{"weight": "inf"} | NANO]},
        {"kind": "mixture", "parts": [{"weight": 0} | NANO]},
        {"kind": "mixture", "parts": [{"weight": "x"} | NANO]},
        {"kind": "mixture", "parts": [{"weight": 1} | NANO], "seed": 1.5},
        {"sprites": []},
        {"sprites": "ghost"},
        {"sizes": ["axb"]},
        {"sizes": [256]},
        {"stages": []},
        {"stages": [{"until": 5, "frames": {1: 1}}]},
        {"stages": [{"until": None, "frames": {}}]},
        {"stages": [{"until": None, "frames": {1: 0}}]},
        {"stages": [{"until": None, "frames": {2: 1}}]},
        {"stages": [{"until": None, "frames": {1: -1}}]},
        {"stages": [{"until": None, "frames": {1 << 30: 1}}]},
        {"stages": [{"until": None, "frames": {"one": 1}}]},
        {"stages": [{"until": None, "frames": {1: 1}, "sizes": ["1x1"]}]},
        {"stages": [{"until": None}]},
        {"stages": [3]},
        {"render_share": 2},
        {"grid": 0},
        {"fill": "edge", "colour": "red"},
    ],
    ids=lambda data: ascii(data)[:60],
)
def test_data_that_cannot_be_are_refused_in_one_line(data: dict[str, Any]) -> None:
    with pytest.raises(VeraError) as error:
        batch_counts(data, 8)
        open_layer_data(data, False)
    assert "make assets" not in str(error.value) and len(str(error.value)) < 500

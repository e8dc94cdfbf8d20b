"""Events folded: what is undone is not there, and a click on a carried mask corrects it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera.annotation.draft import Bounds, check_event, fold, read_event, sized
from vera.construction.decisions import check_row
from vera.construction.formats.rle import encode_mask
from vera.errors import VeraError
from vera.service.errors import ConflictError

BOUNDS = Bounds(10, 40, 30, 3, 5)
NONE, ALL = encode_mask(np.zeros((30, 40), bool)), encode_mask(np.ones((30, 40), bool))
EVENTS = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["plus", "minus"]),
            "object": st.integers(1, 3),
            "frame": st.integers(0, 9),
            "point": st.lists(st.integers(0, 29), min_size=2, max_size=2),
        }
    ),
    st.fixed_dictionaries({"kind": st.just("noun"), "object": st.integers(1, 3), "noun": st.text("ab", max_size=3)}),
    st.fixed_dictionaries({"kind": st.just("barrier"), "frame": st.integers(0, 9), "on": st.booleans()}),
    st.fixed_dictionaries({"kind": st.just("remove"), "object": st.integers(1, 3)}),
)


def folded(*events: dict[str, Any], bounds: Bounds = BOUNDS) -> Any:
    return fold([read_event(event) for event in events], bounds).to_json()


@given(st.lists(EVENTS, max_size=12), st.integers(0, 12))
def test_undo_leaves_what_was_there_before_and_redo_brings_it_back(events: list[dict[str, Any]], back: int) -> None:
    bounds = Bounds(10, 40, 30, 3, 100)
    back = min(back, len(events))
    undone = folded(*events, *[{"kind": "undo"}] * back, bounds=bounds)
    assert undone["objects"] == folded(*events[: len(events) - back], bounds=bounds)["objects"]
    again = folded(*events, *[{"kind": "undo"}] * back, *[{"kind": "redo"}] * back, bounds=bounds)
    assert again == folded(*events, bounds=bounds)


def test_an_object_is_a_line_of_the_log() -> None:
    draft = folded(
        {"kind": "noun", "noun": " cat "},
        {"kind": "proposal", "proposal": 0},
        {"kind": "plus", "frame": 4, "point": [1, 2], "mask": NONE},
        {"kind": "minus", "frame": 4, "point": [3, 4]},
        {"kind": "moving", "on": True},
        {"kind": "barrier", "frame": 7},
    )
    prompt = {"frame": 4, "plus": [[1, 2]], "minus": [[3, 4]], "mask": NONE}
    cat = {"noun": "cat", "prompts": [prompt], "proposal": 0, "moving": True, "barriers": [7]}
    assert draft["objects"] == {"1": cat}
    check_row({"clip": "0" * 16, "gate": "annotate", "by": "anna", "objects": [cat]})


def test_a_painted_mask_takes_the_place_of_the_clicks_that_it_holds() -> None:
    draft = folded(
        {"kind": "plus", "frame": 4, "point": [1, 2]},
        {"kind": "mask", "frame": 4, "mask": NONE},
        {"kind": "plus", "frame": 4, "point": [5, 6], "mask": ALL},
    )
    assert draft["objects"]["1"]["prompts"] == [{"frame": 4, "plus": [[5, 6]], "mask": NONE}]


def test_of_levels_the_last_count_and_undo_goes_back_to_those_before() -> None:
    first, last = ({"kind": "levels", "levels": levels} for levels in ([0.1, 1.0], [0.2, 0.8]))
    assert folded()["levels"] == [0, 1]
    assert folded(first, last)["levels"] == [0.2, 0.8]
    assert folded(first, last, {"kind": "undo"})["levels"] == [0.1, 1.0]


def test_parts_of_a_matte_are_points_and_undone_one_by_one() -> None:
    first, last = ({"kind": "part", "frame": t, "point": [5, 6]} for t in (2, 4))
    assert folded(first, last)["parts"] == [[2, 5, 6], [4, 5, 6]]
    assert folded(first, last, {"kind": "undo"})["parts"] == [[2, 5, 6]]


@pytest.mark.faults
@pytest.mark.parametrize("box", [[-6, 3, 6, 6], [3, -6, 6, 6], [40, 3, 6, 6], [3, 30, 6, 6]])
def test_a_box_beside_the_picture_is_refused(box: list[int]) -> None:
    with pytest.raises(VeraError, match="beside the picture of 40x30"):
        check_event(read_event({"kind": "box", "box": box}), BOUNDS)
    check_event(read_event({"kind": "box", "box": [-6, 24, 7, 9]}), BOUNDS)  # drawn beyond the edge


def test_more_points_than_a_frame_takes_are_refused() -> None:
    clicks = [{"kind": "plus", "point": [x, 0]} for x in range(6)]
    folded(*clicks[:5])
    with pytest.raises(ConflictError, match="5 clicks are the most"):
        folded(*clicks)
    folded(*clicks[:5], {"kind": "undo"}, clicks[5])


@pytest.mark.faults
@pytest.mark.parametrize(
    "event",
    [
        {"kind": "mask", "mask": ALL},
        {"kind": "plus", "point": [30, 20]},
        {"kind": "box", "box": [30, 20, 5, 5]},
        {"kind": "proposal", "proposal": 2},
        {"kind": "barrier", "frame": 9},
        {"kind": "part", "point": [30, 20]},
    ],
)
def test_a_draft_of_a_clip_that_was_made_anew_keeps_what_still_fits(event: dict[str, Any]) -> None:
    """Undo still takes back what it took back."""
    smaller = Bounds(8, 20, 15, 1, 5)
    noun = {"kind": "noun", "noun": "cat"}
    kept = folded(noun, event, bounds=smaller)
    assert (kept["objects"], kept["parts"]) == ({"1": {"noun": "cat"}}, []) and kept["can_undo"]
    assert folded(noun, event, {"kind": "undo"}, bounds=smaller)["objects"] == kept["objects"]
    assert folded(noun, event) != folded(noun)


@pytest.mark.faults
@pytest.mark.parametrize(
    "event",
    [
        {"kind": "mask", "mask": ALL},
        {"kind": "plus", "point": [3, 2]},
        {"kind": "box", "box": [3, 2, 5, 5]},
        {"kind": "part", "point": [3, 2]},
    ],
)
def test_what_was_pointed_at_on_a_picture_of_another_size_is_left_out(event: dict[str, Any]) -> None:
    """It lies inside of the new one, too, but on something else."""
    noun = {"kind": "noun", "noun": "cat"}
    sent = [sized(one, BOUNDS) for one in (noun, event)]
    assert folded(*sent) == folded(noun, event) != folded(noun)
    wider = Bounds(10, 80, 60, 3, 5)
    kept = folded(*sent, bounds=wider)
    assert (kept["objects"], kept["parts"]) == ({"1": {"noun": "cat"}}, [])
    with pytest.raises(VeraError, match="the picture has 80x60 now; load the page anew"):
        check_event(read_event(sent[1]), wider)

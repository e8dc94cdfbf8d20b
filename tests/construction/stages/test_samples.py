"""Rows of samples: what training holds out together."""

import json
from pathlib import Path

import numpy as np
import pytest

from vera.construction.engine.stage import Item
from vera.construction.stages.samples import Together, sample_row
from vera.data.released.layout import parse_row
from vera.data.sample import LayeredSample

SOURCE, SHOTS = "5" * 16, ("a" * 16, "b" * 16)


@pytest.mark.parametrize(("together", "groups"), [("file", 1), ("shot", 2)])
def test_samples_of_a_file_or_of_a_shot_are_held_out_together(tmp_path: Path, together: Together, groups: int) -> None:
    picture, grey = np.zeros((1, 16, 16, 3), np.uint8), np.zeros((1, 16, 16), np.uint8)
    sample = LayeredSample(picture, picture, grey, picture, None, "Add a ball", "obj_add")
    facts = {"annotate": {"objects": [{"noun": "ball", "by": "anna"}]}}
    rows = []
    for number, shot in enumerate([SHOTS[0], SHOTS[0], SHOTS[1]]):
        about = {"source": SOURCE, "shot": shot, "first_pts": number}
        item = Item(f"{number:016x}", "o1", about, {}, facts, {}, tmp_path, tmp_path)
        rows.append(sample_row(item, sample, "realistic-set1-obj-add", together, {}))
    footage = [parse_row(json.dumps(row), "row").footage for row in rows]
    assert footage[0] == footage[1] and len(set(footage)) == groups

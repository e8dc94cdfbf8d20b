"""What a person chose is taken if the clip has it."""

from pathlib import Path
from typing import Any

import pytest

from vera.construction.engine.stage import Done, Item, Rejected
from vera.construction.stages.objects import Annotate


def annotated(proposals: int, **chosen: Any) -> Done | Rejected:
    facts = {"propose": {"proposals": [{"score": 0.9}] * proposals}}
    decision = {"by": "anna", "objects": [{"noun": "ball", **chosen}]}
    return Annotate().run(Item("0" * 16, "", {}, {}, facts, {}, Path(), Path(), decision))


@pytest.mark.faults
@pytest.mark.parametrize(("proposals", "number"), [(0, 0), (0, 3), (2, 2)])
def test_a_proposal_that_there_is_not_is_refused(proposals: int, number: int) -> None:
    assert annotated(proposals, proposal=number) == Rejected("unusable", f"there is no proposal {number}")


def test_others_are_taken() -> None:
    assert isinstance(annotated(2, proposal=1), Done)
    assert isinstance(annotated(0, prompts=[{"frame": 0}]), Done)

"""A run of a stage: what it is given."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from tests.construction.toys import Cut, Draw, opened

from vera.construction.engine.stage import Done, Item, Kind, Plain, Rejected


@dataclass(frozen=True)
class Mend(Plain):
    """Mends what was drawn, or refuses it."""

    name: ClassVar[str] = "mend"
    kind: ClassVar[Kind] = "clip"
    needs: ClassVar[tuple[str, ...]] = ("draw",)
    good: bool = True

    def run(self, item: Item) -> Done | Rejected:
        return Done() if self.good else Rejected("bad")


@dataclass(frozen=True)
class Tell(Plain):
    """Tells what it was given."""

    name: ClassVar[str] = "tell"
    kind: ClassVar[Kind] = "clip"
    needs: ClassVar[tuple[str, ...]] = ("draw", "mend")

    def run(self, item: Item) -> Done | Rejected:
        return Done({"given": sorted(item.facts)})


@pytest.mark.faults
@pytest.mark.parametrize("good", [True, False])
def test_a_stage_is_given_nothing_of_one_that_is_no_more_in_the_recipe(tmp_path: Path, good: bool) -> None:
    for middle in ((Mend(good),), ()):
        with opened(tmp_path / "out", "1", stages=(Cut(), Draw(), *middle, Tell())) as build:
            build.run()
            (clip,) = build.clips.values()
            told = build.record(clip).stages.get("tell")
        if middle and not good:
            assert told is None
        else:
            assert told is not None and told.facts == {"given": ["draw", "mend"] if middle else ["draw"]}

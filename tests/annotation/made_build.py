"""A small build that waits for people, and a desk of it."""

from pathlib import Path
from typing import Any

from tests.construction.crossing import centre, write_footage, write_recipe

from vera.annotation.desk import Desk, open_desk
from vera.annotation.server.showing import show_work
from vera.annotation.store.events import events_of
from vera.annotation.store.leases import Lease, find_lease
from vera.annotation.store.store import make_rules
from vera.construction.construct import build_samples


def make_build(folder: Path, *seeds: int, lines: tuple[str, ...] = ()) -> tuple[Path, Path]:
    """Recipe and folder of a build whose clips, a ball each, wait to be annotated."""
    write_footage(folder / "footage", *seeds)
    recipe = write_recipe(folder / "r.yaml", *lines)
    build_samples(recipe, folder / "out")
    return recipe, folder / "out"


def desk_of(out: Path, dataset: Path | None = None, clocks: dict[str, Any] | None = None, **rules: float) -> Desk:
    return open_desk(out, dataset, make_rules(**{"overlap": 0.0, "gold": 0.0, **rules}), **(clocks or {}))


def click_ball(desk: Desk, lease: str, noun: str = "ball", t: int = 8) -> None:
    """What a person does who lifts out the ball: a box about it, and its name."""
    x, y = centre(t)
    seq = len_of(desk, lease)
    desk.save(lease, seq, {"kind": "box", "frame": t, "box": [x - 16, y - 16, 33, 33]})
    desk.save(lease, seq + 1, {"kind": "noun", "noun": noun})


def len_of(desk: Desk, lease: str) -> int:
    return len(events_of(desk.store, find_lease(desk.store, lease).number))


def say(desk: Desk, lease: Lease, said: dict[str, Any]) -> Lease:
    """What a page does: it sends back, with the answer, what it was shown."""
    return desk.finish(lease, {**said, "of": show_work(desk, lease).of})


def ball_annotated(out: Path) -> Lease:
    """Somebody annotates the clip of a build; the task that it was."""
    desk = desk_of(out)
    lease = desk.claim("anna", "annotate", "work")
    assert lease is not None
    click_ball(desk, lease.id)
    say(desk, lease, {"accept": True})
    desk.close()
    return lease

"""What a person has pointed at so far: their events folded, undone ones left out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Annotated, Any, Literal

from vera.construction.decisions import Chosen, Pixel, Prompt
from vera.construction.formats.mend import NOTHING, Mend, Part, read_mend
from vera.construction.formats.rle import decode_mask
from vera.errors import VeraError
from vera.fields import Range, Share, build, check_plain
from vera.service.errors import ConflictError

MOST_OBJECTS = 9
Number = Annotated[int, Range(1, MOST_OBJECTS)]


@dataclass(frozen=True)
class Event:
    """Something that a person did. `object` is the number of the object that it is about.

    Args:
        kind: a click on the object (`plus`) or beside it (`minus`), a `box` about it, its `mask` as it was painted;
            taking a `proposal`, or none; its `noun`; whether it is followed by motion (`moving`); a `barrier` at a
            frame, or none; the object taken away (`remove`); the `part` of a matte at a point, gone or back; its
            `levels`, or a `stroke` over it; `undo` and `redo`.
        mask: of a click: the carried mask that it corrects. COCO's run lengths.
        size: width and height of the picture that it points at; None of what older versions kept.
    """

    kind: Literal[
        "plus",
        "minus",
        "box",
        "mask",
        "proposal",
        "noun",
        "moving",
        "barrier",
        "remove",
        "part",
        "levels",
        "stroke",
        "undo",
        "redo",
    ]
    object: Number = 1
    frame: Annotated[int, Range(0, 1 << 16)] = 0
    point: tuple[Pixel, Pixel] | None = None
    box: tuple[Pixel, Pixel, Pixel, Pixel] | None = None
    mask: Annotated[str, Range(1, 1 << 19)] | None = None
    proposal: Annotated[int, Range(0, 1000)] | None = None
    noun: Annotated[str, Range(0, 80)] = ""
    on: bool = True
    levels: tuple[Share, Share] | None = None
    stroke: Any = None
    size: tuple[Pixel, Pixel] | None = None


@dataclass(frozen=True)
class Draft:
    """The objects so far, by their numbers, without those that nothing was said of; what mends a matte (`Mend`);
    whether there is something to undo, and to redo."""

    objects: Mapping[int, Chosen] = field(default_factory=dict)
    parts: Sequence[Part] = ()
    levels: tuple[float, float] = NOTHING.levels
    strokes: Sequence[Any] = ()
    can_undo: bool = False
    can_redo: bool = False

    def chosen(self, number: int) -> dict[str, Any]:
        """An object as a line of a log has it."""
        return _plain(self.objects.get(number, Chosen("")))

    def mend(self) -> Mend:
        """What is changed of a matte."""
        return read_mend(vars(self))

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        objects = {str(number): self.chosen(number) for number in sorted(self.objects)}
        return {
            "objects": objects,
            "parts": [list(part) for part in self.parts],
            "levels": list(self.levels),
            "strokes": list(self.strokes),
            "can_undo": self.can_undo,
            "can_redo": self.can_redo,
        }


@dataclass(frozen=True)
class Bounds:
    """What events of a clip must keep to: its frames and pixels, its proposals, and how much may be pointed at."""

    frames: int
    width: int
    height: int
    proposals: int
    most_points: int


def read_event(value: Mapping[str, Any]) -> Event:
    """Read an event that a page sent. VeraError for what is none."""
    check_plain(dict(value), "event")
    event: Event = build(Event, value, "event")
    name = "point" if event.kind in ("plus", "minus", "part") else event.kind
    if name in ("point", "box", "mask", "levels", "stroke") and getattr(event, name) is None:
        raise VeraError(f"event: {event.kind} has a {name}")
    return event


def sized(value: Mapping[str, Any], bounds: Bounds) -> dict[str, Any]:
    """An event that a page sent, with the size of the picture where it points at something."""
    points = any(value.get(name) is not None for name in ("point", "box", "mask", "stroke"))
    return {**value, "size": [bounds.width, bounds.height] if points else None}


def check_event(event: Event, bounds: Bounds) -> None:
    """VeraError for an event that points beside the clip."""
    if event.frame >= bounds.frames:
        raise VeraError(f"event: the clip has frames 0 to {bounds.frames - 1}, not {event.frame}")
    if event.size not in (None, (bounds.width, bounds.height)):
        raise VeraError(f"event: the picture has {bounds.width}x{bounds.height} now; load the page anew")
    if event.point is not None:
        x, y = event.point
        if not (0 <= x < bounds.width and 0 <= y < bounds.height):
            raise VeraError(f"event: {x}, {y} is beside the picture of {bounds.width}x{bounds.height}; point inside")
    if event.box is not None:
        x, y, width, height = event.box
        if width < 1 or height < 1:
            raise VeraError("event: the box is empty; draw it from one corner to the other")
        if not (-width < x < bounds.width and -height < y < bounds.height):
            raise VeraError(f"event: the box is beside the picture of {bounds.width}x{bounds.height}; draw it inside")
    if event.mask is not None:
        _check_mask(event.mask, (bounds.height, bounds.width))
    if event.kind == "proposal" and event.proposal is not None and event.proposal >= bounds.proposals:
        raise VeraError(f"event: there is no proposal {event.proposal}; the clip has {bounds.proposals}")


@lru_cache(maxsize=512)
def _check_mask(counts: str, shape: tuple[int, int]) -> None:
    """Held, as all masks of a draft are checked at each step."""
    decode_mask(counts, shape)


def fold(events: Sequence[Event], bounds: Bounds) -> Draft:
    """What events come to. Those that point beside the clip, which had another size or other proposals then, are left
    out. ConflictError for more points than one frame may have."""
    done, undone = _standing(events)
    objects: dict[int, Chosen] = {}
    levels, parts, strokes = NOTHING.levels, list[Part](), list[Any]()
    for event in done:
        if not _fits(event, bounds):
            continue
        if event.kind == "stroke":
            strokes.append(event.stroke)
        elif event.kind == "part":
            assert event.point is not None
            parts.append((event.frame, *event.point))
        elif event.kind == "levels":
            assert event.levels is not None
            levels = event.levels
        elif event.kind == "remove":
            objects.pop(event.object, None)
        else:
            objects[event.object] = _with(objects.get(event.object, Chosen("")), event)
            _check_points(objects[event.object], bounds)
    read_mend({"parts": parts, "levels": levels, "strokes": strokes})
    kept = {number: chosen for number, chosen in objects.items() if chosen != Chosen("")}
    return Draft(kept, parts, levels, strokes, bool(done), bool(undone))


def _fits(event: Event, bounds: Bounds) -> bool:
    try:
        check_event(event, bounds)
    except VeraError:
        return False
    return True


def _standing(events: Sequence[Event]) -> tuple[list[Event], list[Event]]:
    done: list[Event] = []
    undone: list[Event] = []
    for event in events:
        if event.kind == "undo":
            undone += [done.pop()] if done else []
        elif event.kind == "redo":
            done += [undone.pop()] if undone else []
        else:
            done.append(event)
            undone.clear()
    return done, undone


def _with(chosen: Chosen, event: Event) -> Chosen:
    if event.kind == "noun":
        return replace(chosen, noun=event.noun.strip())
    if event.kind == "moving":
        return replace(chosen, moving=event.on)
    if event.kind == "proposal":
        return replace(chosen, proposal=event.proposal)
    if event.kind == "barrier":
        barriers = set(chosen.barriers) - {event.frame} | ({event.frame} if event.on else set())
        return replace(chosen, barriers=tuple(sorted(barriers)))
    before = next((prompt for prompt in chosen.prompts if prompt.frame == event.frame), Prompt(event.frame))
    others = [prompt for prompt in chosen.prompts if prompt.frame != event.frame]
    prompts = sorted([*others, _prompt(before, event)], key=lambda prompt: prompt.frame)
    return replace(chosen, prompts=tuple(prompts))


def _prompt(before: Prompt, event: Event) -> Prompt:
    if event.kind == "mask":  # it holds what was clicked before
        return Prompt(event.frame, mask=event.mask)
    if event.kind == "box":
        return replace(before, box=event.box)
    assert event.point is not None
    if before == Prompt(event.frame):
        before = replace(before, mask=event.mask)
    if event.kind == "plus":
        return replace(before, plus=(*before.plus, event.point))
    return replace(before, minus=(*before.minus, event.point))


def _check_points(chosen: Chosen, bounds: Bounds) -> None:
    most = max((len(prompt.plus) + len(prompt.minus) for prompt in chosen.prompts), default=0)
    if most > bounds.most_points:
        raise ConflictError(
            f"{bounds.most_points} clicks are the most in one frame; undo some, paint the rest, "
            "or call the clip unusable"
        )


def _plain(chosen: Chosen) -> dict[str, Any]:
    """JSON without what is as it would be if nothing were said."""
    said: dict[str, Any] = json.loads(json.dumps(asdict(chosen)))
    if said["prompts"]:
        said["prompts"] = [_said(prompt) for prompt in said["prompts"]]
    return _said(said)


def _said(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None and value is not False and value != []}

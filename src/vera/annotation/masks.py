"""Masks of what is chosen in a clip, as the build will draw them: in one frame, through the clip, and compared."""

from collections.abc import Iterator, Mapping, Sequence
from threading import Semaphore
from typing import Any

import numpy as np

from vera.annotation.clips import Clips
from vera.annotation.store.store import Gate
from vera.construction.embedded.regions import Mask, overlap
from vera.construction.stages.following import (
    Proposed,
    draw_mask,
    follow_object,
    given_masks,
    prompts_of,
    proposed,
    stream_masks,
)
from vera.service.errors import MissingError

Chosen = Mapping[str, Any]
AT_ONCE = 2  # masks that are drawn at a time: who clicks everywhere waits for their own
_turns = Semaphore(AT_ONCE)


def mask_at(clips: Clips, clip: str, chosen: Chosen, t: int) -> Mask | None:
    """The mask `[H,W]` of an object in a frame where it was pointed at or painted; None where nothing was."""
    frames = clips.frames(clip)
    given = {**_proposed(clips, clip, chosen).masks, **given_masks(chosen, frames.shape[1:3], len(frames))}
    prompts = prompts_of(chosen)
    if t not in prompts:
        return given.get(t)
    with _turns:
        return draw_mask(frames[t], prompts[t], given.get(t), clips.network)


def masks_along(clips: Clips, clip: str, chosen: Chosen) -> Iterator[tuple[int, Mask]]:
    """Frames and masks `[H,W]` of an object through the clip, one by one as they are found."""
    frames = clips.frames(clip)
    found = iter(stream_masks(frames, chosen, _proposed(clips, clip, chosen), clips.network))
    while True:
        with _turns:
            step = next(found, None)
        if step is None:
            return
        yield step


def object_masks(clips: Clips, clip: str, chosen: Chosen) -> Mask:
    """Masks `[T,H,W]` of an object."""
    with _turns:
        return follow_object(clips.frames(clip), chosen, _proposed(clips, clip, chosen), clips.network)


def agreement(clips: Clips, gate: Gate, clip: str, one: Chosen, other: Chosen) -> float:
    """How far two answers are the same: the verdict, and of chosen objects the overlap of their masks (J)."""
    if gate != "annotate":
        return float(one["accept"] == other["accept"])
    if "objects" not in one or "objects" not in other:
        return float(("objects" in one) == ("objects" in other))
    masks = [[object_masks(clips, clip, chosen) for chosen in answer["objects"]] for answer in (one, other)]
    return best_overlap(*masks)


def best_overlap(one: Sequence[Mask], other: Sequence[Mask]) -> float:
    """Mean overlap (J) of objects with their best counterparts, each once, the best first; without one it is 0."""
    pairs = sorted(((clip_overlap(a, b), i, j) for i, a in enumerate(one) for j, b in enumerate(other)), reverse=True)
    used: tuple[set[int], set[int]] = set(), set()
    total = 0.0
    for found, i, j in pairs:
        if i not in used[0] and j not in used[1]:
            used[0].add(i)
            used[1].add(j)
            total += found
    return total / max(len(one), len(other))


def clip_overlap(one: Mask, other: Mask) -> float:
    """Mean overlap (J) of masks `[T,H,W]` over the frames in which one of them shows anything; 1 where none does."""
    shown = (one | other).any((1, 2))
    return (
        float(np.mean([overlap(a, b) for a, b in zip(one[shown], other[shown], strict=True)])) if shown.any() else 1.0
    )


def _proposed(clips: Clips, clip: str, chosen: Chosen) -> Proposed:
    number = chosen.get("proposal")
    if number is None:
        return Proposed()
    masks = clips.proposals(clip)
    if number >= len(masks):
        raise MissingError(f"the clip has no proposal {number} any more")
    _, mask = masks[number]
    return proposed(clips.facts(clip, "propose")["proposals"][number], mask)

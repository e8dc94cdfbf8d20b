"""Masks of an object from what a person pointed at: in one frame, and carried through the clip."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.construction import embedded
from vera.construction.adapters.segmenter import SegmenterNetwork, load_segmenter, with_box
from vera.construction.formats.rle import decode_mask

Mask = NDArray[np.bool_]
Frames = NDArray[np.uint8]
Chosen = Mapping[str, Any]  # `vera.construction.decisions.Chosen` as JSON


def follow_object(
    frames: Frames, chosen: Chosen, proposal: Mapping[int, Mask], network: SegmenterNetwork | None = None
) -> Mask:
    """Masks `[T,H,W]` of a chosen object in a clip `[T,H,W,3]`, by a network or the embedded steps.

    `proposal`: the mask of the proposal that was taken, by its frame; empty for none.
    """
    found = np.zeros(frames.shape[:3], bool)
    for t, mask in stream_masks(frames, chosen, proposal, network):
        found[t] = mask
    return found


def stream_masks(
    frames: Frames, chosen: Chosen, proposal: Mapping[int, Mask], network: SegmenterNetwork | None = None
) -> Iterator[tuple[int, Mask]]:
    """Frames and masks `[H,W]` of `follow_object`, one by one as they are found; what is not told is empty."""
    prompts = {t: each for t, each in prompts_of(chosen).items() if t < len(frames)}
    given = {**proposal, **given_masks(chosen, frames.shape[1:3], len(frames))}
    painted = {t: mask for t, mask in given.items() if t not in prompts and t not in proposal}
    barriers = chosen.get("barriers", ())
    if network is not None:
        corrected = {t: with_box(prompt, given[t]) if t in given else prompt for t, prompt in prompts.items()}
        yield from enumerate(load_segmenter(network).propagate(frames, {**given, **corrected}, barriers))
        yield from painted.items()
    elif chosen.get("moving"):
        boxes = {t: embedded.Prompts(box=_box(mask)) for t, mask in given.items() if mask.any()}
        yield from enumerate(embedded.track_moving(frames, {**boxes, **prompts}))
        yield from painted.items()
    else:
        drawn = {t: draw_mask(frames[t], prompt, given.get(t)) for t, prompt in prompts.items()}
        yield from embedded.carry(frames, {**given, **drawn}, barriers)


def draw_mask(
    frame: Frames, prompts: embedded.Prompts, before: Mask | None = None, network: SegmenterNetwork | None = None
) -> Mask:
    """The object that `prompts` point at in `frame` `[H,W,3]`: bool `[H,W]`. `before` is a mask that they correct."""
    if before is not None and before.any():
        prompts = _about(prompts, before)
    if network is None:
        return embedded.mask_from_prompts(frame, prompts, before)
    return load_segmenter(network).mask(frame, prompts)


def prompts_of(chosen: Chosen) -> dict[int, embedded.Prompts]:
    """What was pointed at, by frame; frames that were only painted are left out."""
    found = {prompt["frame"]: _prompts(prompt) for prompt in chosen.get("prompts", ())}
    return {t: prompt for t, prompt in found.items() if prompt != _NOTHING}


def given_masks(chosen: Chosen, shape: tuple[int, ...], count: int) -> dict[int, Mask]:
    """Masks `[H,W]` that were painted, imported or corrected, by frame. VeraError for what is no mask of the clip."""
    return {
        prompt["frame"]: decode_mask(prompt["mask"], (shape[0], shape[1]))
        for prompt in chosen.get("prompts", ())
        if prompt.get("mask") is not None and prompt["frame"] < count
    }


_NOTHING = embedded.Prompts(None, [], [])


def _about(prompts: embedded.Prompts, before: Mask) -> embedded.Prompts:
    """Prompts whose box holds a mask and the clicks that correct it, unless they have their own."""
    if prompts.box is not None or not (prompts.plus or prompts.minus):
        return prompts
    x, y, width, height = _box(before)
    points = np.array([(x, y), (x + width, y + height), *prompts.plus])
    (left, top), (right, bottom) = points.min(0) - embedded.AROUND, points.max(0) + embedded.AROUND
    return replace(prompts, box=(int(left), int(top), int(right - left), int(bottom - top)))


def _box(mask: Mask) -> tuple[int, int, int, int]:
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return x, y, width, height


def _prompts(prompt: Mapping[str, Any]) -> embedded.Prompts:
    box = prompt.get("box")
    return embedded.Prompts(None if box is None else _four(box), _points(prompt, "plus"), _points(prompt, "minus"))


def _four(box: Sequence[int]) -> tuple[int, int, int, int]:
    x, y, width, height = box
    return x, y, width, height


def _points(prompt: Mapping[str, Any], name: str) -> list[tuple[int, int]]:
    return [(x, y) for x, y in prompt.get(name, ())]

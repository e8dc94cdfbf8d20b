"""What a sample shows, in words: drawn before a pixel is, from the random generator alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from vera.data.sample import Task
from vera.data.synthesis import held_out as unseen
from vera.data.synthesis.instructions import describe_addition, describe_replacement
from vera.data.synthesis.vocabulary import COLORS, LIGHTS, MOTIONS, PLACES, SCENES, SIZES, UNNAMED, nouns

Item = TypeVar("Item")

BACKGROUND_SHARE = 0.3
TINT_SHARE = 0.15


@dataclass(frozen=True)
class Plan:
    """The words of a sample. `thing` is the object added or kept: a sprite's name, or None for a nameless shape.

    `noun` is the name of its class; `place`, `size`, `motion`, `color`, `light` and `scene` are keys of the tables in
    `vocabulary.py`. `scene` is the new background of `background_replace`, else None. `masked`: a mask is given.
    """

    task: Task
    thing: str | None
    noun: str
    place: str
    size: str
    motion: str
    color: str | None
    light: str
    scene: str | None
    masked: bool
    instruction: str


def draw_plan(
    rng: np.random.Generator,
    things: Sequence[str],
    frames: int,
    background_share: float = BACKGROUND_SHARE,
    tint_share: float = TINT_SHARE,
    held_out: bool = False,
) -> Plan:
    """A sample of one of `things`; only held-out wordings, combinations and colours, or none of them."""
    if rng.random() < background_share:
        return _draw_replacement(rng, things, frames, held_out)
    thing = pick(things, rng)
    noun = nouns(thing)[0]
    place = pick(tuple(PLACES), rng)
    size = _draw_allowed(
        lambda: str(rng.choice(list(SIZES), p=[0.25, 0.5, 0.25])),
        lambda size: unseen.is_combination_held_out(noun, place, size) == held_out,
    )
    moves = frames > 1 and rng.random() < 0.6
    motion = pick(tuple(MOTIONS), rng) if moves else "still"
    light = pick(tuple(LIGHTS), rng) if rng.random() < 0.15 else "plain"
    color = None
    if rng.random() < tint_share:
        color = _draw_allowed(
            lambda: pick(tuple(COLORS), rng), lambda color: unseen.is_color_held_out(noun, color) == held_out
        )
    instruction = describe_addition(pick(nouns(thing), rng), place, size, motion, color, light, rng, held_out)
    return Plan("obj_add", thing, noun, place, size, motion, color, light, None, False, instruction)


def _draw_replacement(rng: np.random.Generator, things: Sequence[str], frames: int, held_out: bool) -> Plan:
    # A third of the subjects are shapes cut from photographs: only the mask says what to keep.
    thing = None if rng.random() < 1 / 3 else pick(things, rng)
    words = UNNAMED if thing is None else nouns(thing)
    scene = _draw_allowed(
        lambda: pick(tuple(SCENES), rng), lambda scene: unseen.is_scene_held_out(words[0], scene) == held_out
    )
    moves = frames > 1 and rng.random() < 0.5
    return Plan(
        task="background_replace",
        thing=thing,
        noun=words[0],
        place=pick(tuple(PLACES), rng),
        size=pick(("medium", "large"), rng),
        motion=pick(tuple(MOTIONS), rng) if moves else "still",
        color=None,
        light="plain",
        scene=scene,
        masked=thing is None or bool(rng.random() < 0.5),
        instruction=describe_replacement(pick(words, rng), pick(SCENES[scene], rng), rng, held_out),
    )


def pick(options: Sequence[Item], rng: np.random.Generator) -> Item:
    """One of `options`, each as likely."""
    return options[int(rng.integers(len(options)))]


def _draw_allowed(draw: Callable[[], str], allowed: Callable[[str], bool]) -> str:
    while not allowed(value := draw()):
        pass
    return value

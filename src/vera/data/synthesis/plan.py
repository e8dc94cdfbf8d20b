"""What a sample shows, in words: drawn before a pixel is, from the random generator alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vera.data.sample import Task
from vera.data.synthesis import held_out as unseen
from vera.data.synthesis.instructions import describe_addition, describe_replacement
from vera.data.synthesis.render_spec import RenderSpec
from vera.data.synthesis.vocabulary import (
    COLORS,
    LIGHTS,
    MOTIONS,
    NUMBERS,
    PLACES,
    SCENES,
    SIZES,
    UNNAMED,
    nouns,
    pick,
)

BACKGROUND_SHARE = 0.3
TINT_SHARE = 0.15
SIZE_SHARES = (0.25, 0.5, 0.25)  # of the added objects, in the order of `SIZES`


@dataclass(frozen=True)
class SamplePlan:
    """The words of a sample. `thing` is the object added or kept: a sprite's name, or None for a nameless shape.

    `noun` is the name of its class; `place`, `size`, `motion`, `color`, `light` and `scene` are keys of the tables in
    `vocabulary.py`. `scene` is the new background of `background_replace`, else None. `masked`: a mask is given.
    `number` of the things stand side by side.
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
    number: int = 1


@dataclass(frozen=True)
class Freedom:
    """What may be asked of things: keys of `MOTIONS` and `LIGHTS`, the share of subjects that are nameless shapes
    cut from photographs, and whether there may be several of one thing."""

    motions: tuple[str, ...] = tuple(MOTIONS)
    lights: tuple[str, ...] = tuple(LIGHTS)
    nameless: float = 1 / 3
    several: bool = True


FLAT = Freedom()
# Renders have their shadow already, and one view of a solid thing cannot spin.
TURNTABLE = Freedom(lights=("plain",), nameless=0, several=False)
SINGLE_VIEW = Freedom(tuple(motion for motion in MOTIONS if motion != "spin"), ("plain",), nameless=0, several=False)


def draw_plan(
    rng: np.random.Generator,
    things: Sequence[str],
    frames: int,
    background_share: float = BACKGROUND_SHARE,
    tint_share: float = TINT_SHARE,
    size_shares: Sequence[float] = SIZE_SHARES,
    held_out: bool = False,
    freedom: Freedom = FLAT,
    number_share: float = 0.0,
) -> SamplePlan:
    """A sample of one of `things`; only held-out wordings, combinations and colours, or none of them.

    `number_share` of the additions that are not small show several of the thing. Where it is 0 nothing is drawn for it.
    """
    if rng.random() < background_share:
        thing = None if rng.random() < freedom.nameless else pick(things, rng)
        moves = frames > 1 and rng.random() < 0.5
        return _plan_replacement(
            rng,
            thing,
            place=pick(tuple(PLACES), rng),
            size=pick(("medium", "large"), rng),
            motion=pick(freedom.motions, rng) if moves else "still",
            held_out=held_out,
        )
    thing = pick(things, rng)
    noun = nouns(thing)[0]
    place = pick(tuple(PLACES), rng)
    size = _draw_allowed(
        lambda: str(rng.choice(list(SIZES), p=size_shares)),
        lambda size: unseen.is_combination_held_out(noun, place, size) == held_out,
    )
    number = 1
    if number_share and freedom.several and size != "small" and rng.random() < number_share:
        number = pick(tuple(NUMBERS)[1:], rng)
    # Several would turn about their common middle.
    motions = freedom.motions if number == 1 else tuple(motion for motion in freedom.motions if motion != "spin")
    moves = frames > 1 and rng.random() < 0.6
    motion = pick(motions, rng) if moves else "still"
    light = pick(freedom.lights, rng) if rng.random() < 0.15 else "plain"
    color = None
    if rng.random() < tint_share:
        color = _draw_allowed(
            lambda: pick(tuple(COLORS), rng), lambda color: unseen.is_color_held_out(noun, color) == held_out
        )
    instruction = describe_addition(pick(nouns(thing), rng), place, size, motion, color, light, rng, held_out, number)
    return SamplePlan("obj_add", thing, noun, place, size, motion, color, light, None, False, instruction, number)


def plan_render(
    rng: np.random.Generator, spec: RenderSpec, frames: int, background_share: float, held_out: bool
) -> SamplePlan:
    """A sample that shows a render as it is: its words are those of `spec`, and a turntable spins."""
    motion = "spin" if len(spec.angles) > 1 and frames > 1 else "still"
    if rng.random() < background_share:
        return _plan_replacement(rng, spec.model, spec.place, spec.size, motion, held_out)
    light = spec.light if rng.random() < 0.3 else "plain"
    noun = pick(nouns(spec.model), rng)
    instruction = describe_addition(noun, spec.place, spec.size, motion, None, light, rng, held_out)
    words = (spec.place, spec.size, motion, None, light, None)
    return SamplePlan("obj_add", spec.model, spec.noun, *words, False, instruction)


def _plan_replacement(
    rng: np.random.Generator, thing: str | None, place: str, size: str, motion: str, held_out: bool
) -> SamplePlan:
    words = UNNAMED if thing is None else nouns(thing)
    scene = _draw_allowed(
        lambda: pick(tuple(SCENES), rng), lambda scene: unseen.is_scene_held_out(words[0], scene) == held_out
    )
    # Only a mask says which nameless shape to keep.
    masked = thing is None or bool(rng.random() < 0.5)
    instruction = describe_replacement(pick(words, rng), pick(SCENES[scene], rng), rng, held_out)
    return SamplePlan(
        "background_replace", thing, words[0], place, size, motion, None, "plain", scene, masked, instruction
    )


def _draw_allowed(draw: Callable[[], str], allowed: Callable[[str], bool]) -> str:
    while not allowed(value := draw()):
        pass
    return value

"""The English of the synthetic instructions: what, how large, which colour, where and how it moves, in varied words."""

from dataclasses import dataclass

import numpy as np

PLACES = {
    "left": ("on the left", "on the left side", "to the left"),
    "center": ("in the center", "in the middle", "at the center of the frame"),
    "right": ("on the right", "on the right side", "to the right"),
}
SIZES = {
    "small": ("small", "little", "tiny"),
    "medium": ("",),
    "large": ("large", "big", "huge"),
}
MOTIONS = {
    "still": ("",),
    "left": ("moving left", "gliding to the left", "that moves left"),
    "right": ("moving right", "gliding to the right", "that moves right"),
    "bounce": ("bouncing", "that bounces up and down", "hopping"),
    "spin": ("spinning", "rotating slowly", "that spins"),
}
# Hue in OpenCV's half degrees.
COLORS = {"red": 0, "orange": 13, "yellow": 28, "green": 60, "blue": 110, "purple": 138, "pink": 165}
ADD_VERBS = ("Add", "Put", "Place", "Insert", "Show")
REPLACE_PHRASES = (
    "Change the background to {scene}.",
    "Replace the background with {scene}.",
    "Put the {subject} in front of {scene}.",
    "Make the background {scene}.",
)
KEEP_PHRASES = ("", " Keep the {subject} intact.", " Keep the {subject}.")


@dataclass(frozen=True)
class ObjectSpec:
    """What an `obj_add` instruction says of the object; each field is a key of the tables above (`color` or None)."""

    noun: str
    place: str
    size: str
    motion: str
    color: str | None


def describe_addition(spec: ObjectSpec, rng: np.random.Generator) -> str:
    """An instruction for `spec`, for example 'Add a big blue octopus on the left, bouncing.'"""
    words = [_pick(SIZES[spec.size], rng), spec.color or "", spec.noun]
    noun = " ".join(word for word in words if word)
    phrase = f"{_pick(ADD_VERBS, rng)} {_article(noun)} {noun} {_pick(PLACES[spec.place], rng)}"
    motion = _pick(MOTIONS[spec.motion], rng)
    return f"{phrase}{', ' + motion if motion else ''}."


def describe_replacement(subject: str, scene: str, rng: np.random.Generator) -> str:
    """An instruction in the shape of the released data: a new background, and the subject to keep."""
    text = _pick(REPLACE_PHRASES, rng) + _pick(KEEP_PHRASES, rng)
    return text.format(scene=scene, subject=subject)


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"

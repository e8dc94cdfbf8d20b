"""The English of the synthetic instructions: what, how large, which colour, where, how it moves and is lit."""

import numpy as np

from vera.data.synthesis import held_out as unseen
from vera.data.synthesis.vocabulary import LIGHTS, MOTIONS, PLACES, SIZES, pick

ADDITIONS = (
    "Add {object} {place}{details}.",
    "Put {object} {place}{details}.",
    "Place {object} {place}{details}.",
    "Insert {object} {place}{details}.",
    "Show {object} {place}{details}.",
    "Draw {object} {place}{details}.",
    "Let us add {object} {place}{details}.",
    "{place}, add {object}{details}.",
    "There is {object} {place}{details}.",
    "{object} {place}{details}",
)
REPLACEMENTS = (
    "Change the background to {scene}.",
    "Replace the background with {scene}.",
    "Put the {subject} in front of {scene}.",
    "Make the background {scene}.",
    "Swap the background for {scene}.",
    "The {subject} in front of {scene}.",
    "Set the background to {scene}.",
)
KEEP_PHRASES = ("", "", " Keep the {subject} intact.", " Keep the {subject}.", " Leave the {subject} as it is.")


def describe_addition(
    noun: str,
    place: str,
    size: str,
    motion: str,
    color: str | None,
    light: str,
    rng: np.random.Generator,
    held_out: bool = False,
) -> str:
    """An instruction, for example 'Add a big blue octopus on the left, bouncing.'

    `noun` is taken as it is; the others are keys of the tables in `vocabulary.py` (`color` may be None).
    """
    words = " ".join(word for word in (pick(SIZES[size], rng), color or "", noun) if word)
    details = [text for text in (pick(MOTIONS[motion], rng), pick(LIGHTS[light], rng)) if text]
    sentence = pick(unseen.ADDITIONS if held_out else ADDITIONS, rng).format(
        object=f"{_article(words)} {words}",
        place=pick(PLACES[place], rng),
        details="".join(f", {text}" for text in details),
    )
    return sentence[0].upper() + sentence[1:]


def describe_replacement(subject: str, scene: str, rng: np.random.Generator, held_out: bool = False) -> str:
    """An instruction in the shape of the released data: a new background `scene`, and the subject to keep."""
    text = pick(unseen.REPLACEMENTS if held_out else REPLACEMENTS, rng) + pick(KEEP_PHRASES, rng)
    return text.format(scene=scene, subject=subject)


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"

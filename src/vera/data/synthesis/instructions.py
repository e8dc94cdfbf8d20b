"""The English of the synthetic instructions: what, how large, which colour, where, how it moves and is lit."""

import numpy as np

from vera.data.synthesis import held_out as unseen
from vera.data.synthesis.vocabulary import LIGHTS, MOTIONS, NUMBERS, PLACES, SIZES, pick, plural

ADDITIONS = (
    "Add {object} {place}{details}.",
    "Put {object} {place}{details}.",
    "Place {object} {place}{details}.",
    "Insert {object} {place}{details}.",
    "Show {object} {place}{details}.",
    "Draw {object} {place}{details}.",
    "Let us add {object} {place}{details}.",
    "{place}, add {object}{details}.",
    "There {be} {object} {place}{details}.",
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
    number: int = 1,
) -> str:
    """An instruction, for example 'Add a big blue octopus on the left, bouncing.'

    `noun`, in the singular, is taken as it is; the others are keys of the tables in `vocabulary.py` (`color` may be
    None).
    """
    several = number > 1
    words = " ".join(word for word in (pick(SIZES[size], rng), color or "", plural(noun) if several else noun) if word)
    # "that moves left" is said of one thing.
    motions = [text for text in MOTIONS[motion] if not (several and text.startswith("that "))]
    details = [text for text in (pick(motions, rng), pick(LIGHTS[light], rng)) if text]
    sentence = pick(unseen.ADDITIONS if held_out else ADDITIONS, rng).format(
        be="are" if several else "is",
        object=f"{NUMBERS[number] or _article(words)} {words}",
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

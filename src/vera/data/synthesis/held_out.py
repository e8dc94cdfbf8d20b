"""What training never sees, defined once: wordings, combinations, colours, photographs and a part of each panorama.

A held-out sample (`SyntheticLayers(held_out=True)`) shows nothing but these, a training sample none of them.
"""

from zlib import crc32

import numpy as np

from vera.data.synthesis.vocabulary import COLORS, PLACES, SCENES, SIZES

# Sentences, as in `instructions.py`. The words that fill them are the trained ones.
ADDITIONS = (
    "Can you include {object} {place}{details}?",
    "I want to see {object} {place}{details}.",
    "Let {object} appear {place}{details}.",
    "Please bring {object} into the scene {place}{details}.",
    "{place}, there should be {object}{details}.",
)
REPLACEMENTS = (
    "Move the {subject} to {scene}.",
    "Turn everything behind the {subject} into {scene}.",
    "Show {scene} behind the {subject}.",
    "I want {scene} as the new backdrop of the {subject}.",
)

# Of the photographs that `assets.load_photos` reads.
PHOTOS = frozenset(
    {
        "pexels-36236147",
        "pexels-36358763",
        "pexels-6373478",
        "pexels-7247504",
        "pexels-7303782",
        "pexels-7688357",
        "pexels-cup-of-couple-6963787",
    }
)

# Panoramas: no trained view touches the sector within 56 degrees of their middle, where all held-out views lie.
SECTOR = np.radians(56.0)


def is_combination_held_out(noun: str, place: str, size: str) -> bool:
    """One size at each place, three of nine combinations: a Latin square, turned differently for each noun."""
    sizes = list(SIZES)
    return size == sizes[(crc32(noun.encode()) + list(PLACES).index(place)) % len(sizes)]


def is_color_held_out(noun: str, color: str) -> bool:
    """One of the colours for each noun."""
    colors = list(COLORS)
    return color == colors[crc32(noun.encode()) % len(colors)]


def is_scene_held_out(subject: str, scene: str) -> bool:
    """For each subject every sixth of the scenes that it may be moved to."""
    return (crc32(subject.encode()) + list(SCENES).index(scene)) % 6 == 0


def draw_yaw(rng: np.random.Generator, half_view: float, held_out: bool) -> float:
    """Direction in radians of a view that reaches `half_view` (at most `SECTOR`) to either side; 0 is the middle."""
    if held_out:
        return float(rng.uniform(-1, 1) * (SECTOR - half_view))
    return float(rng.uniform(SECTOR + half_view, 2 * np.pi - SECTOR - half_view))

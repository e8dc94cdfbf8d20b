"""What vision-language models are asked to look for: what nobody wants in a clip, and what a removal has left."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from vera.construction.adapters.vlm import VlmNetwork, before_and_after
from vera.vlm import Question, image_parts, text_part

Unwanted = Literal["text", "synthetic", "slideshow", "framed", "filtered", "unsafe"]
Told = Annotated[str, msgspec.Meta(min_length=3, max_length=400)]

SYSTEM = "You check footage for training data of a video editor. Say what is to be seen, and nothing that is not."
CLIP = (
    "These pictures are a clip, in order of time. Say in a sentence what it shows, then whether it has\n"
    "text: titles, subtitles, logos or watermarks laid over it (not signs in the scene);\n"
    "synthetic: rendered, drawn or recorded from a screen, not filmed;\n"
    "slideshow: still pictures, panned or zoomed, in the place of motion;\n"
    "framed: borders, a split screen or a picture in the picture;\n"
    "filtered: a visual effect over the whole picture, such as a vignette, grain or false colours;\n"
    "unsafe: nudity, violence, gore, hatred or self-harm."
)
REMOVAL = (
    "The first pictures are a clip, in order of time; the others are the same clip after {noun} was taken out. Say in "
    "a sentence where it was and what is there now, then the worst fault of the second clip: ghost (a part or an "
    "outline of it is left), shadow left (or its reflection), blur (what is there now is smeared or makes no sense), "
    "flicker, or none."
)


class Looked(msgspec.Struct, forbid_unknown_fields=True):
    """What a clip shows, and what of it nobody wants."""

    shows: Told
    text: bool
    synthetic: bool
    slideshow: bool
    framed: bool
    filtered: bool
    unsafe: bool


class Inspected(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be seen where something was removed, and the worst fault of it."""

    shows: Told
    fault: Literal["none", "ghost", "shadow left", "blur", "flicker"]


def clip_question(network: VlmNetwork, clip: Path) -> Question[Looked]:
    """Ask what a clip shows."""
    return Question(SYSTEM, [text_part(CLIP), *image_parts(clip, network.frames)], Looked)


def removal_question(network: VlmNetwork, clip: Path, plate: Path, noun: str) -> Question[Inspected]:
    """Ask what is left of what was taken out of `clip`, in `plate`."""
    task = text_part(REMOVAL.format(noun=f"the {noun}"))
    return Question(SYSTEM, [task, *before_and_after(network, clip, plate)], Inspected)

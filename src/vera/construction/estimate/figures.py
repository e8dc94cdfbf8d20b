"""What one clip takes in each stage, and how many go on from it: figures, each with where it is from.

Seconds of the processor and bytes are those of one frame of 832x480, and are taken to grow with frames and pixels.
"""

from dataclasses import dataclass

FRAME = 832 * 480  # pixels of the frame that figures are for
CLIP = 81 * FRAME  # pixels of the clip that the published speeds of networks are counted for


@dataclass(frozen=True)
class Figure:
    """A number and its source."""

    value: float
    source: str


HERE = "measured: python -m benchmarks.construction_stages"
JUDGED = "assumed: a judgement, measured by nobody"
NOTHING = Figure(0.0, "")
ALL = Figure(1.0, "")


@dataclass(frozen=True)
class Work:
    """What a stage takes and keeps. None is a figure that nobody has.

    Args:
        cpu: seconds of the processor, a frame.
        size: bytes kept, a frame.
        gpu: seconds of a GPU, a clip of 81 frames of 832x480.
        people: seconds of a person, an item.
        tokens: of prompts and answers, an item.
        keeps: share of the items that go on.
    """

    cpu: Figure | None = NOTHING
    size: Figure | None = NOTHING
    gpu: Figure | None = NOTHING
    people: Figure = NOTHING
    tokens: tuple[Figure, Figure] = (NOTHING, NOTHING)
    keeps: Figure = ALL


def _here(cpu: float, size: float = 0.0, keeps: Figure = ALL) -> Work:
    return Work(Figure(cpu, HERE), Figure(size, HERE) if size else NOTHING, keeps=keeps)


OPEN_SORA = Figure(
    0.42, "assumed: Open-Sora Plan kept 42 % of Panda-70M by cuts, motion, aesthetic and technical scores, not by these"
)
HALF = Figure(0.5, JUDGED)
TWICE = 1.1  # one decision in ten is made by a second person as well
VERDICT = Figure(8 * TWICE, JUDGED)
# By stage, and for stages that a network does by stage and its kind.
WORK = {
    "ingest": _here(0.0002),
    "split": _here(0.0021),
    "proxy": _here(0.0128, 143_000),
    "screen": _here(0.0124, keeps=OPEN_SORA),
    "unique": _here(0.0001),
    "propose": _here(0.0866, 13),
    "annotate": Work(people=Figure(45 * TWICE, JUDGED), keeps=HALF),
    "masks": _here(0.0556, 480),
    "matte": _here(0.0412, 10_200),
    "remove": _here(0.3731, 145_000),
    "filter": Work(people=VERDICT, keeps=HALF),
    "layers": _here(0.1185, 66_900),
    "words": _here(0.0001),
    "check": _here(0.0663),
    "publish": _here(0.0399, 276_000),
    "curate": Work(people=VERDICT, keeps=HALF),
    "background": _here(0.5, 300_000),
    "background_words": _here(0.0001),
    "background_check": _here(0.05),
    "background_publish": _here(0.05, 300_000),
}

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
SAM2 = Figure(81 / 64, "published: SAM 2.1 base+ follows 64 frames a second on an A100")
CASPER = Figure(200, "assumed: Casper's published 10 minutes on an A6000, and an A100 three times as fast")
OMNIMATTE = Figure(160, "assumed: gen-omnimatte's published 8 minutes on an A6000, and an A100 three times as fast")
PROMPT = Figure(5000, "assumed: about what cosmos-curate sends for a window of a clip")
ANSWER = Figure(500, "assumed: about what cosmos-curate gets for a window of a clip")
TOLD = Figure(100, JUDGED)
LOOKED = Figure(1.0, "assumed: what a model refuses is not known")


def _network(gpu: Figure | None, size: float = 0.0, cpu: Figure | None = None) -> Work:
    return Work(cpu, Figure(size, HERE) if size else NOTHING, gpu)


# By stage, and for stages that a network does by stage and its kind.
WORK = {
    "ingest": _here(0.0003),
    "split": _here(0.0021),
    "proxy": _here(0.0148, 144_000),
    "screen": _here(0.0156, keeps=OPEN_SORA),
    "unique": _here(0.0001),
    "propose": _here(0.1134, 13),
    "annotate": Work(people=Figure(45 * TWICE, JUDGED), keeps=HALF),
    "masks": _here(0.0723, 480),
    "matte": _here(0.051, 10_200),
    "remove": _here(0.7588, 145_000),
    "filter": Work(people=VERDICT, keeps=HALF),
    "layers": _here(0.1776, 68_200),
    "words": _here(0.0001),
    "check": _here(0.0701),
    "publish": _here(0.0514, 278_000),
    "curate": Work(people=VERDICT, keeps=HALF),
    "background": _here(0.4658, 434_000),
    "background_words": _here(0.0001),
    "background_check": _here(0.0614),
    "background_publish": _here(0.0493, 469_000),
    **{f"propose:{kind}": _network(None, 13) for kind in ("sam2", "edgetam", "sam3")},
    "masks:sam2": _network(SAM2, 480),
    **{f"masks:{kind}": _network(None, 480) for kind in ("edgetam", "sam3")},
    "background:wan": _network(Figure(240, JUDGED), 434_000),
    "split:transnetv2": _network(None),
    "matte:vitmatte": _network(None, 10_200),
    "matte:videomama": _network(Figure(20, JUDGED), 10_200),
    "layers:omnimatte": _network(OMNIMATTE, 68_200),
    "remove:casper": _network(CASPER, 145_000),
    "remove:rose": _network(None, 145_000),
    **{f"{stage}:vlm": Work(cpu=None, tokens=(PROMPT, ANSWER)) for stage in ("words", "background_words")},
    **{f"{stage}:vlm": Work(cpu=None, tokens=(PROMPT, TOLD), keeps=LOOKED) for stage in ("triage", "inspect")},
}

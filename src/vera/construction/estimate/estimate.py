"""Hours, bytes and cost of a recipe's stages for so many clips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vera.construction.engine.stage import Stage
from vera.construction.estimate.figures import CLIP, FRAME, Figure, Work
from vera.construction.recipe import BuildRecipe, Prices, parse_size

HOUR = 3600
OBJECTS = Figure(1.0, "assumed: one object of a clip that is annotated")


@dataclass(frozen=True)
class Row:
    """What a stage would take: items, hours of processors, GPUs and people, bytes that stay, and their cost.

    None is what nobody has measured.
    """

    stage: str
    items: float
    cpu: float | None
    gpu: float | None
    people: float
    size: float | None
    cost: float | None


@dataclass(frozen=True)
class Estimate:
    """The rows of all stages, the samples that come out, and the figures that were used, by what each is."""

    rows: Sequence[Row]
    samples: float
    used: Mapping[str, Figure]

    @property
    def total(self) -> Row:
        """The sum of all that is known."""
        sums = [sum(getattr(row, name) or 0 for row in self.rows) for name in ("cpu", "gpu", "people", "size", "cost")]
        return Row("all", self.rows[0].items, *sums)

    @property
    def unknown(self) -> list[str]:
        """What nobody has measured, by stage."""
        return [
            f"{row.stage} {told}"
            for row in self.rows
            for name, told in (("cpu", "CPU h"), ("gpu", "GPU h"), ("size", "bytes"))
            if getattr(row, name) is None
        ]


def estimate(recipe: BuildRecipe, stages: Sequence[Stage], clips: int, work: Mapping[str, Work]) -> Estimate:
    """What `clips` raw clips of the recipe's frames and size take in its stages; `work` has figures for each of them.

    A stage gets what all those before it keep that it needs; a clip has one object.
    """
    width, height = parse_size(recipe.size, "size")
    frames = recipe.frames * width * height / FRAME
    reach: dict[str, float] = {}
    rows, used = [], {"objects of a clip": OBJECTS} if any(stage.kind == "object" for stage in stages) else {}
    samples = 0.0
    for stage in stages:
        held, name = work[figure_key(stage)], figure_key(stage)
        items = min((reach[need] for need in stage.needs if need in reach), default=float(clips))
        reach[stage.name] = items * held.keeps.value
        rows.append(_row(stage.name, items, held, frames, recipe.prices))
        used |= {f"{name}: {what}": figure for what, figure in _told(held) if figure.source}
        samples += reach[stage.name] if stage.split else 0
    prices = Figure(0, "assumed: the recipe's own")
    return Estimate(rows, samples, used | {"prices": prices})


def figure_key(stage: Stage) -> str:
    """The name of a stage's figures: its own, and the kind of its network."""
    return f"{stage.name}:{stage.method}" if stage.method else stage.name


def _row(name: str, items: float, work: Work, frames: float, prices: Prices) -> Row:
    cpu, gpu = (None if work.cpu is None else items * frames * work.cpu.value / HOUR), None
    if work.gpu is not None:
        gpu = items * frames * FRAME / CLIP * work.gpu.value / HOUR
    people = items * work.people.value / HOUR
    size = None if work.size is None else items * frames * work.size.value
    tokens = [items * figure.value for figure in work.tokens]
    cost = (
        (cpu or 0) * prices.cpu_hour
        + (gpu or 0) * prices.gpu_hour
        + people * prices.person_hour
        + (size or 0) / 1e12 * prices.terabyte
        + (tokens[0] * prices.prompt_tokens + tokens[1] * prices.answer_tokens) / 1e6
    )
    return Row(name, items, cpu, gpu, people, size, cost)


def _told(work: Work) -> list[tuple[str, Figure]]:
    """Its figures, as they are named in a list of assumptions."""
    figures = {
        "CPU s a frame of 832x480": work.cpu,
        "bytes a frame of 832x480": work.size,
        "GPU s a clip of 81 frames": work.gpu,
        "s of a person": work.people,
        "prompt tokens": work.tokens[0],
        "answer tokens": work.tokens[1],
        "share that goes on": work.keeps,
    }
    return [(what, figure) for what, figure in figures.items() if figure is not None]

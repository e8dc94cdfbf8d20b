"""`vera data build --plan`: what every stage would take, and by which figures."""

from pathlib import Path
from typing import TYPE_CHECKING

from vera.cli.terminal import say
from vera.errors import VeraError

if TYPE_CHECKING:
    from vera.construction.estimate.estimate import Estimate, Row

MOST_CLIPS = 1e12


def tell_plan(recipe: Path, out: Path | None, clips: float | None) -> None:
    """Print a row for each stage, their sum, and every figure with its source. VeraError without a number of clips."""
    if clips is None or not 1 <= clips <= MOST_CLIPS:
        raise VeraError("--plan is for a number of clips, at least 1: --clips 1e6")
    from vera.construction.estimate.estimate import estimate
    from vera.construction.estimate.figures import WORK
    from vera.construction.estimate.measured import measured_work
    from vera.construction.recipe import make_stages, read_recipe

    read = read_recipe(recipe)
    stages = make_stages(read)
    work = WORK if out is None else measured_work(out, stages, WORK)
    _tell(estimate(read, stages, int(clips), work), f"{int(clips):,} clips of {read.frames} frames, {read.size}")


def _tell(found: "Estimate", what: str) -> None:
    say(f"plan     {what}: about {found.samples:,.0f} samples")
    say(f"{'stage':<20}{'items':>12}{'CPU h':>10}{'GPU h':>10}{'people h':>10}{'GB':>10}{'cost':>12}")
    for row in [*found.rows, found.total]:
        say(_line(row))
    for told in found.unknown:
        say(f"unknown  {told}: nobody has measured it; it is not in the sums")
    for name, figure in found.used.items():
        value = f" {figure.value:,.4g}" if figure.value else ""
        say(f"figure   {name}{value}, {figure.source}")
    say("figure   footage that is there already is not counted among the bytes")


def _line(row: "Row") -> str:
    size = None if row.size is None else row.size / 1e9
    numbers = "".join(
        f"{'?':>{width}}" if number is None else f"{number:>{width},.0f}"
        for number, width in ((row.cpu, 10), (row.gpu, 10), (row.people, 10), (size, 10), (row.cost, 12))
    )
    return f"{row.stage:<20}{row.items:>12,.0f}{numbers}"

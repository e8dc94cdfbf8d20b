"""`vera data`: make layered samples."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from vera.cli.options import parse_size
from vera.cli.progress import progress_bar

app = App(name="data", help="Make layered samples.")

OBJECTS = ("balloon", "octopus", "strawberry", "hamburger", "automobile", "sailboat", "dog", "wrapped present")


@app.command
def synth(
    *,
    out: Path,
    count: int,
    seed: int = 0,
    size: str = "256x144",
    frames: int = 17,
    objects: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = OBJECTS,
    assets: str = "assets/npm",
) -> None:
    """Render synthetic samples into a folder; the same command goes on with work that was stopped.

    Parameters
    ----------
    out
        Folder for one folder of lossless clips for each sample, and samples.jsonl.
    count
        How many samples the folder shall hold.
    seed
        The same seed gives the same samples.
    size
        WxH of the clips.
    frames
        Frames of a clip, 1 + 4k.
    objects
        Unicode names of the emoji to draw from.
    assets
        Folder that `make assets` fills.
    """
    from vera.data.synthesis import SyntheticLayers
    from vera.data.writer import write_samples

    width, height = parse_size(size)
    layers = SyntheticLayers(objects, assets=assets, seed=seed)
    with progress_bar() as report:
        new = write_samples(lambda index: layers.sample(index, frames, width, height), count, seed, out, report)
    print(f"samples  {out} ({count}, of them {new} new)")

"""`vera data`: make layered samples, and encode them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from vera.cli.options import parse_size
from vera.cli.progress import progress_bar
from vera.cli.terminal import say

if TYPE_CHECKING:
    from vera.data.sample import LayeredSample

app = App(name="data", help="Make layered samples, and encode them.")
app.command("vera.cli.build:app", name="build", help="Make layered samples from footage.")
app.command("vera.cli.annotate:annotate", name="annotate", help="Choose, accept and correct what a build waits for.")


@app.command
def synth(
    *,
    out: Path,
    count: int,
    seed: int = 0,
    size: str = "256x144",
    frames: int = 17,
    objects: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    renders: Path | None = None,
    render_share: float = 0.4,
    held_out: Annotated[bool, Parameter(negative=())] = False,
    assets: str = "assets/npm",
    workers: int = 1,
) -> None:
    """Make synthetic samples into a folder of the released data set's layout; the same command goes on with work
    that was stopped.

    Parameters
    ----------
    out
        Folder for vera-train-set/17-frames/ with the splits synthetic-obj-add and synthetic-bg-change.
    count
        How many samples the folder shall hold.
    seed
        The same seed gives the same samples.
    size
        WxH of the clips.
    frames
        Frames of a clip, 1 + 4k.
    objects
        Unicode names of the emoji to draw from, instead of nano's 24.
    renders
        Folder that `vera data render` filled: a part of the samples shows its objects.
    render_share
        That part, 0 to 1.
    held_out
        Samples of what training never sees, instead of what it does.
    assets
        Folder that `make assets` fills.
    workers
        Processes. The samples are the same for any number.
    """
    from vera.construction.writer import FOLDER, write_samples
    from vera.data.synthesis.vocabulary import SPRITES
    from vera.files import check_outputs

    check_outputs([Path(assets), renders], [out / FOLDER])
    width, height = parse_size(size)
    open_make = partial(
        _open_make,
        frames,
        width,
        height,
        sprites=objects or SPRITES,
        assets=assets,
        renders=None if renders is None else str(renders),
        render_share=render_share,
        seed=seed,
        held_out=held_out,
    )
    with progress_bar() as report:
        new = write_samples(open_make, count, seed, out, workers, report)
    say(f"samples  {out} ({count}, of them {new} new)")


@app.command
def render(
    *,
    out: Path,
    count: int,
    seed: int = 0,
    size: str = "256x144",
    views: int = 9,
    samples: int = 64,
    assets: Path = Path("assets"),
) -> None:
    """Render 3D objects in the light of panoramas, in passes, for `vera data synth` and recipes to draw from; the same
    command goes on with work that was stopped. Needs Mitsuba: pip install 'vera-layers[render]'.

    Parameters
    ----------
    out
        Folder for one file for each render, and records.jsonl.
    count
        How many renders the folder shall hold. Forty are one of each object.
    seed
        The same seed gives the same renders.
    size
        WxH of the frames that they are for; renders are a quarter larger, so that a camera can move.
    views
        Every eighth render is a turntable of this many views, 5 degrees apart.
    samples
        Light paths for each pixel.
    assets
        Folder that `make assets` fills: npm/, sweethome3d/ and, for the fast variant of Mitsuba, llvm/.
    """
    from vera.construction.rendering.mitsuba_passes import Renderer
    from vera.construction.rendering.render import make_renders
    from vera.files import check_outputs

    check_outputs([assets / name for name in ("llvm", "npm", "sweethome3d")], [out])
    width, height = parse_size(size)
    renderer = Renderer(next(assets.glob("llvm/libLLVM.so.*"), None))
    with progress_bar() as report:
        new = make_renders(
            out,
            count,
            renderer=renderer,
            models=assets / "sweethome3d",
            panoramas=assets / "npm" / "pmndrs" / "hdri",
            seed=seed,
            width=width,
            height=height,
            views=views,
            samples=samples,
            progress=report,
        )
    say(f"renders  {out} ({count}, of them {new} new)")


@app.command
def cache(recipe: Path, *, out: Path, count: int | None = None) -> None:
    """Encode the samples of a recipe's data once, to train from; the same command goes on with work that was stopped.

    Train from it with `data: {kind: shards, path: OUT}`.

    Parameters
    ----------
    recipe
        YAML file. Its data, autoencoder and text encoder are used.
    out
        Folder for tar shards of latents and text states.
    count
        How many training samples; needed where the data has no end.
    """
    from vera.training.cache import cache_data

    with progress_bar() as report:
        parts = cache_data(recipe, out, count, report=say, progress=report)
    told = (f"{name} {part.samples}, of them {part.new} new, {part.bad} left out" for name, part in parts.items())
    say(f"cache    {out} ({'; '.join(told)})")


def _open_make(frames: int, width: int, height: int, **arguments: Any) -> "Callable[[int], LayeredSample]":
    """In each process: the function from a sample's number to the sample."""
    from vera.data.synthesis import SyntheticLayers

    layers = SyntheticLayers(**arguments)
    return lambda number: layers.sample(number, frames, width, height)

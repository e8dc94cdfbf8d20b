"""`vera data`: make layered samples, and encode them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from vera.cli.options import Flag, parse_size
from vera.cli.progress import progress_bar
from vera.cli.terminal import say
from vera.errors import VeraError

if TYPE_CHECKING:
    from vera.data.sample import LayeredSample

app = App(name="data", help="Make layered samples for training.")
app.command(
    "vera.cli.build:app",
    name="build",
    help="""Make layered samples from footage.

    Run the same command again to continue a build that was stopped. Needs extra packages: pip install
    'vera-layers[construct]'.""",
)
app.command(
    "vera.cli.annotate:annotate",
    name="annotate",
    help="""Make the decisions that a build waits for, in the browser.

    Prints a link that works once, and opens it; after each use it prints a new one. Ctrl-C ends the server. Decisions
    are saved in the build's folder at once, and the next `vera data build` uses them. Needs extra packages: pip install
    'vera-layers[construct,studio]'.""",
)


@app.command
def synth(
    *,
    out: Path,
    count: int,
    seed: int = 0,
    size: str = "256x144",
    frames: int = 17,
    objects: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=(), show_default=False)] = (),
    renders: Path | None = None,
    render_share: float = 0.4,
    held_out: Flag = False,
    assets: str = "assets/npm",
    workers: int = 1,
) -> None:
    """Make synthetic samples, in the layout of the released dataset.

    Run the same command again to continue work that was stopped. Only count, assets and workers may change.

    Parameters
    ----------
    out
        Folder for the samples: the splits synthetic-obj-add and synthetic-bg-change in vera-train-set/17-frames/.
    count
        Number of samples that the folder is to hold in the end.
    seed
        Seed of the samples. The same seed gives the same samples.
    size
        Frame size of the clips, WxH.
    frames
        Frames in a clip: a multiple of 4, plus 1.
    objects
        Emoji to draw objects from, by Unicode name. Default: nano's 24.
    renders
        Folder of renders that `vera data render` made. A part of the samples then shows these objects.
    render_share
        Share of samples with rendered objects, 0 to 1.
    held_out
        Draw only what is held out from training.
    assets
        Folder that the command "make assets" filled.
    workers
        Number of processes. It does not change the samples.
    """
    from vera.construction.writer import FOLDER, write_samples
    from vera.data.synthesis.vocabulary import SPRITES
    from vera.files import check_outputs

    check_outputs([Path(assets), renders], [out / FOLDER])
    if frames < 1 or (frames - 1) % 4:
        raise VeraError(f"frames is a multiple of 4, plus 1, not {frames}")
    width, height = parse_size(size)
    sprites = objects or SPRITES
    shown = {
        "renders": None if renders is None else str(renders),
        "render_share": render_share,
        "held_out": held_out,
    }
    open_make = partial(_open_make, frames, width, height, sprites=sprites, assets=assets, seed=seed, **shown)
    made = {"size": f"{width}x{height}", "frames": frames, "objects": sprites, **shown}
    with progress_bar() as report:
        new = write_samples(open_make, count, seed, out, workers, report, made)
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
    """Render 3D objects for synthetic samples, in the light of panoramas.

    Training recipes and `vera data synth` draw from the renders. Run the same command again to continue work that was
    stopped. Needs Mitsuba: pip install 'vera-layers[render]'.

    Parameters
    ----------
    out
        Folder for the renders, one file each, and records.jsonl.
    count
        Number of renders that the folder is to hold in the end. Forty are one of each object.
    seed
        Seed of the renders. The same seed gives the same renders.
    size
        Frame size of the samples, WxH. Renders are a quarter larger, to leave room for camera moves.
    views
        Number of views, 5 degrees apart, in a turntable. Every eighth render is a turntable.
    samples
        Light paths for each pixel.
    assets
        Folder that the command "make assets" filled: npm/, sweethome3d/ and, for Mitsuba's fast variant, llvm/.
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
def cache(recipe: Path, *, out: Path, count: int | None = None, retry: Flag = False) -> None:
    """Encode a recipe's data once, so that training starts from latents.

    To train from the cache, set `data: {kind: shards, path: OUT}` in the recipe. Run the same command again to continue
    work that was stopped.

    Parameters
    ----------
    recipe
        Training recipe (YAML) whose data, autoencoder and text encoder are used.
    out
        Folder for the cache: tar shards of latents and text states.
    count
        Number of training samples. Default: all; required if the data is endless.
    retry
        Try again what an earlier call left out, such as files that could not be fetched.
    """
    from vera.training.cache import cache_data

    with progress_bar() as report:
        parts = cache_data(recipe, out, count, retry=retry, report=say, progress=report)
    told = (f"{name} {part.samples}, of them {part.new} new, {part.bad} left out" for name, part in parts.items())
    say(f"cache    {out} ({'; '.join(told)})")
    if not retry and any(part.bad for part in parts.values()):
        say("         the same command with --retry tries again what was left out")


def _open_make(frames: int, width: int, height: int, **arguments: Any) -> "Callable[[int], LayeredSample]":
    """In each process: the function from a sample's number to the sample."""
    from vera.data.sources import open_layer_data
    from vera.data.synthesis import SyntheticLayers

    arguments["sprites"] = list(arguments["sprites"])
    held_out = arguments.pop("held_out")
    layers = open_layer_data({"sizes": [f"{width}x{height}"], **arguments}, held_out)  # which checks them all
    assert isinstance(layers, SyntheticLayers)
    return lambda number: layers.sample(number, frames, width, height)

"""`vera evaluate`: measure a model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from vera.choices import Dtype, Offload, Quantize, Sampler
from vera.cli.options import Words
from vera.cli.progress import progress_bar
from vera.cli.terminal import say

app = App(name="evaluate", help="Measure models and anybody's edits on a benchmark, on held-out cases, on real clips.")
app.command("vera.cli.judge:judge", name="judge", help="Have a vision-language model score edits, 1 to 5.")
app.command("vera.cli.report:report", name="report", help="Write the report of a run: page, numbers, figures.")


@Parameter(name="*")
@dataclass(frozen=True)
class World:
    """Which model is measured, and in which world.

    Parameters
    ----------
    model
        nano (ships with Vera), or a folder in diffusers' layout.
    lora
        LoRA: nano-8-steps (ships with Vera), a file or a folder. May be repeated.
    steps
        Sampling steps. Default: the model's own.
    guidance
        How strongly the instruction steers. Default: the model's own.
    recipe
        YAML file of a training run whose things are asked for. Default: the 24 that the shipped nano knows.
    assets
        Folder that `make assets` fills.
    renders
        Folder of `vera data render`, if the model was trained on it: objects are then told apart from those, too.
    workers
        Processes that share the work. Default: one for each core, at most eight with a GPU.
    """

    model: str = "nano"
    lora: Words = ()
    steps: int | None = None
    guidance: float | None = None
    recipe: Path | None = None
    assets: str = "assets/npm"
    renders: str | None = None
    workers: int | None = None


@app.command
def mini(
    out: Path,
    /,
    *,
    count: int = 60,
    frames: int = 49,
    size: str = "416x240",
    assets: str = "assets/npm",
    workers: int = 2,
) -> None:
    """Render the mini-benchmark: cases with true layers, in the layout of the published test set.

    Parameters
    ----------
    out
        New folder. The same command goes on with stopped work, and gives the same bytes.
    count
        How many cases, half of each task.
    frames
        Of a clip: 1 + 4k.
    size
        Of a frame. The published clips are 832x480.
    assets
        Folder that `make assets` fills.
    workers
        Processes that share the work.
    """
    from vera.data.synthesis.stages import read_sizes
    from vera.evaluation.cases.mini import render_mini

    ((width, height),) = read_sizes([size])
    with progress_bar() as report:
        made = render_mini(out, count, frames, (width, height), assets, workers=workers, progress=report)
    say(f"cases    {made} of {frames} frames of {size} in {out}")


@app.command
def run(
    benchmark: str,
    /,
    *,
    method: Words,
    out: Path,
    count: int | None = None,
    seed: int = 0,
    steps: int | None = None,
    guidance: float | None = None,
    sampler: Sampler | None = None,
    mask: bool | None = None,
    device: str = "auto",
    dtype: Dtype = "auto",
    offload: Offload = "none",
    quantize: Quantize = "none",
    metrics: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False, consume_multiple=True)] = (),
    lpips: str | None = None,
    dino: str | None = None,
    clip: str | None = None,
    videoclip: str | None = None,
    workers: int | None = None,
) -> None:
    """Edit the cases of a benchmark by models, or take anybody's videos, measure all alike, and print the tables.

    Parameters
    ----------
    benchmark
        Folder of the published test set or of `vera evaluate mini`, or a data set on the hub.
    method
        [NAME=]WHAT[,SETTING=VALUE...]: nano, a folder in diffusers' layout, a model of `vera models` or of the hub, a
        folder of videos named as the cases, truth, or empty. May be repeated.
    out
        Folder for edits, records and tables. The same command goes on with stopped work.
    count
        Only the first so many cases of each task.
    seed
        Of the noise of models.
    steps
        Sampling steps. Default: the model's own.
    guidance
        How strongly the text steers. Default: the model's own.
    sampler
        Default: the model's own.
    mask
        Give models the cases' masks, or not. Default: only to editors that read masks.
    device
        That models run on.
    dtype
        Of their weights.
    offload
        Where weights wait on the CPU.
    quantize
        The transformer's weights to 8 bits.
    metrics
        Names of those to measure. Default: all of the published comparison.
    lpips
        Folder, or model of the hub, with AlexNet's and LPIPS's weights.
    dino
        The same of DINO, such as facebook/dino-vits16, for OC.
    clip
        The same of CLIP, such as openai/clip-vit-base-patch32, for OC and OSC.
    videoclip
        The same of VideoCLIP-XL, such as alibaba-pai/VideoCLIP-XL-v2, for OSC.
    workers
        Processes that share the work. Default: one for each core, or for each GPU if there is a model.
    """
    from vera.evaluation.benchmark import evaluate_benchmark
    from vera.evaluation.predictions.networks import Networks

    settings = {
        "seed": seed,
        "steps": steps,
        "guidance": guidance,
        "sampler": sampler,
        "mask": mask,
        "device": device,
        "dtype": dtype,
        "offload": offload,
        "quantize": quantize,
    }
    networks = Networks(lpips, dino, clip, videoclip)
    with progress_bar() as report:
        text = evaluate_benchmark(
            benchmark, out, method, settings, count, metrics, networks, workers, report=say, progress=report
        )
    say(*text.splitlines(), f"edits    {out / 'edits.jsonl'}, for `vera evaluate judge`")


@app.command
def held_out(
    *,
    world: World = World(),
    count: int | None = None,
    sampler: Sampler | None = None,
    sweep: Words = (),
    out: Path = Path("runs/evaluate-held-out"),
    baselines: bool = True,
) -> None:
    """Run a model on held-out synthetic cases and print every measure; the same command goes on with stopped work.

    Parameters
    ----------
    count
        How many cases: 200, or 40 validation cases for a sweep.
    sampler
        Default: the model's own.
    sweep
        Settings to compare on validation cases, such as steps=4,8,12; give it again for guidance, sampler or shift.
    out
        Folder for records, tables and sheets.
    baselines
        Also measure the truth, the truth coded again, and no edit: the same for every model with one autoencoder.
    """
    from vera.errors import VeraError
    from vera.evaluation.cases.things import recipe_sprites
    from vera.evaluation.held_out import BASELINES, evaluate_held_out, sweep_settings
    from vera.evaluation.predictions.predict import Candidate
    from vera.evaluation.predictions.synthetic import Bench

    setting = Candidate("model", world.steps, world.guidance, sampler)
    sprites = tuple(recipe_sprites(world.recipe))
    bench = Bench(world.model, world.lora, out, sprites, world.assets, world.renders)
    with progress_bar() as report:
        if sweep:
            if setting != Candidate():
                raise VeraError("with --sweep give steps, guidance and sampler in it, such as --sweep steps=12")
            cases = 40 if count is None else count
            text = sweep_settings(bench, sweep, cases, workers=world.workers, progress=report)
            sheets: list[Path] = []
        else:
            cases = 200 if count is None else count
            beside = BASELINES if baselines else ()
            text, sheets = evaluate_held_out(bench, cases, setting, beside, workers=world.workers, progress=report)
    say(*text.splitlines(), *(f"sheet    {path}" for path in sheets))


@app.command
def footage(
    *,
    world: World = World(),
    out: Path = Path("runs/evaluate-footage"),
    film: Path = Path("assets/footage/bbb.mp4"),
) -> None:
    """Edit five real clips by ten instructions each, and print what can be measured without a truth.

    Parameters
    ----------
    out
        Folder for clips, edits, tables and a sheet for each clip. The same command goes on with stopped work.
    film
        Big Buck Bunny, which `make assets` fetches, too.
    """
    from vera.evaluation.cases.clips import real_excerpts
    from vera.evaluation.cases.things import recipe_sprites
    from vera.evaluation.footage import evaluate_footage
    from vera.evaluation.predictions.predict import Candidate

    with progress_bar() as report:
        text, sheets = evaluate_footage(
            out,
            world.model,
            world.lora,
            Candidate("model", world.steps, world.guidance),
            assets=world.assets,
            renders=world.renders,
            sprites=recipe_sprites(world.recipe),
            excerpts=real_excerpts(film),
            workers=world.workers,
            progress=report,
        )
    say(*text.splitlines(), *(f"sheet    {path}" for path in sheets))


@app.command
def compare(one: Path, other: Path, /) -> None:
    """Print how much better one evaluated model is than another, case by case.

    Parameters
    ----------
    one
        Folder of `vera evaluate held-out`, to compare with.
    other
        Folder of the model that may be better.
    """
    from vera.evaluation.reports.compare import compare as run

    say(*run(one, other).splitlines())


@app.command
def ablations(
    recipes: Annotated[list[Path], Parameter(negative=())],
    /,
    *,
    out: Path = Path("runs/ablations/nano"),
    seeds: int = 3,
    count: int = 60,
    workers: int | None = None,
) -> None:
    """Train recipes with several seeds, measure each on held-out cases, and print mean and spread.

    Parameters
    ----------
    recipes
        YAML files with the same data, such as recipes/ablations/nano/*.yaml.
    out
        Folder for runs, answers and the table. The same command goes on with stopped work.
    seeds
        How often each is trained.
    count
        How many held-out cases each answers.
    workers
        Processes that share the measuring. Default: one for each core, at most eight with a GPU.
    """
    from vera.evaluation.ablations import evaluate_ablations

    say(*evaluate_ablations(recipes, out, seeds, count, workers, report=say).splitlines())

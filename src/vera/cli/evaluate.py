"""`vera evaluate`: measure a model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from vera.choices import Dtype, Offload, Quantize, Sampler
from vera.cli.options import Words
from vera.cli.progress import progress_bar
from vera.cli.terminal import say

app = App(name="evaluate", help="Measure how good edits are, whichever model or program made them.")
app.command(
    "vera.cli.judge:judge",
    name="judge",
    help="""Have a vision-language model score edits from 1 to 5.

    It scores composition (CS, CT) and instruction (IS), and the table of all judges is printed. Run the same command
    again to continue work that was stopped; no reply is paid for twice. For a second judge, give another model and the
    same folder.""",
)
app.command("vera.cli.report:report", name="report", help="Write a report of a run: page, numbers, figures.")


@Parameter(name="*")
@dataclass(frozen=True)
class World:
    """Which model is measured, and on which objects.

    Parameters
    ----------
    model
        Model to measure: nano (ships with Vera), or a folder in diffusers' layout.
    lora
        LoRA to load: nano-8-steps (ships with Vera), a file or a folder. May be repeated.
    steps
        Number of sampling steps. Default: the model's own.
    guidance
        Guidance scale: how closely the edit follows the instruction. Default: the model's own.
    recipe
        Training recipe (YAML) whose objects are asked for. Default: 24 of those that the shipped nano knows.
    assets
        Folder that the command "make assets" filled.
    renders
        Folder of `vera data render`, if the model was trained on it. Its objects are then classes too.
    workers
        Number of processes that share the work. Default: one for each core, at most eight with a GPU.
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

    Run the same command again to continue work that was stopped. The same arguments give the same bytes.

    Parameters
    ----------
    out
        New folder for the benchmark.
    count
        Number of cases, half of them of each task.
    frames
        Frames in a clip: a multiple of 4, plus 1.
    size
        Frame size, WxH. The published clips are 832x480.
    assets
        Folder that the command "make assets" filled.
    workers
        Number of processes that share the work.
    """
    from vera.data.synthesis.stages import read_sizes
    from vera.evaluation.cases.mini import render_mini

    ((width, height),) = read_sizes([size])
    with progress_bar() as report:
        made = render_mini(out, count, frames, (width, height), assets, workers=workers, progress=report)
    say(f"cases    {made} of {frames} frames of {size} in {out}")


@app.command
def own(
    dataset: str,
    out: Path,
    /,
    *,
    clip_frames: int = 49,
    frames: int = 49,
    size: str = "832x480",
    held_out_share: float = 0.02,
) -> None:
    """Make a benchmark of a dataset's held-out samples, in the layout of the published test set.

    A recipe with the same dataset, clip length and share never trains on these samples. Run the same command again to
    continue work that was stopped.

    Parameters
    ----------
    dataset
        Folder in the layout of the released dataset, such as one of `vera data build`, or a dataset on the hub.
    out
        New folder for the benchmark.
    clip_frames
        Which configuration: frames in the dataset's clips.
    frames
        Frames in a case, from the start of its clip: a multiple of 4, plus 1.
    size
        Frame size, WxH, multiples of 16.
    held_out_share
        Share of the footage that is held out, as in the recipe. 0 takes every sample.
    """
    from vera.evaluation.cases.own import Own, write_own

    with progress_bar() as report:
        made = write_own(Own(dataset, clip_frames, frames, size, held_out_share), out, report)
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
    """Edit a benchmark's cases with models, or take finished videos, and measure all of them alike.

    Run the same command again to continue work that was stopped.

    Parameters
    ----------
    benchmark
        Folder of the published test set or of `vera evaluate mini`, or a dataset on the hub.
    method
        [NAME=]WHAT[,SETTING=VALUE...]. WHAT is nano, a folder in diffusers' layout, a model that `vera models` lists, a
        name on the hub, a folder of videos named after the cases, truth, or empty. May be repeated.
    out
        Folder for edits, records and tables.
    count
        Use only this many cases of each task, from the first. Default: all.
    seed
        Seed of the models' noise.
    steps
        Number of sampling steps. Default: the model's own.
    guidance
        Guidance scale: how closely the edit follows the text. Default: the model's own.
    sampler
        Sampler. Default: the model's own.
    mask
        Give models the cases' masks, or do not. Default: only editors that read masks get them.
    device
        Device that models run on, such as cuda or cpu. auto: a GPU if there is one.
    dtype
        Number format of models' weights. auto: bfloat16 if the device computes in it.
    offload
        Keep weights on the CPU until they are used, as in `vera edit`.
    quantize
        Store the transformer's weights in 8 bits.
    metrics
        Metrics to measure, by name. Default: all of the published comparison.
    lpips
        Weights of AlexNet and LPIPS, for LPIPS: a folder, or a model on the hub.
    dino
        Weights of DINO, for OC: a folder, or a model on the hub such as facebook/dino-vits16.
    clip
        Weights of CLIP, for OC and OSC: a folder, or a model on the hub such as openai/clip-vit-base-patch32.
    videoclip
        Weights of VideoCLIP-XL, for OSC: a folder, or a model on the hub such as alibaba-pai/VideoCLIP-XL-v2.
    workers
        Number of processes that share the work. Default: one for each core, or for each GPU if a model runs.
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
    """Measure a model on held-out synthetic cases.

    Run the same command again to continue work that was stopped. Needs extra packages: pip install
    'vera-layers[evaluation]'.

    Parameters
    ----------
    count
        Number of cases. Default: 200 held-out cases, or 40 validation cases for a sweep.
    sampler
        Sampler. Default: the model's own.
    sweep
        Settings to compare on validation cases, such as steps=4,8,12. Repeat it for guidance, sampler or shift.
    out
        Folder for records, tables and sheets.
    baselines
        Also measure the truth, the truth encoded and decoded, and no edit. They are the same for all models with the
        same autoencoder.
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
    """Edit five real clips with ten instructions each, and measure what can be measured without a truth.

    Run the same command again to continue work that was stopped. Needs extra packages: pip install
    'vera-layers[evaluation]'.

    Parameters
    ----------
    out
        Folder for clips, edits, tables and a sheet for each clip.
    film
        File of Big Buck Bunny, which the command "make assets" fetches.
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
    """Print how much better the second of two evaluated models is, case by case.

    Parameters
    ----------
    one
        Folder of `vera evaluate held-out` of the first model.
    other
        Folder of `vera evaluate held-out` of the second model.
    """
    from vera.evaluation.reports.compare import compare as run

    say(*run(one, other).splitlines())


@app.command
def ablations(
    recipes: Annotated[list[Path], Parameter(negative=())],
    /,
    *,
    base: str | None = None,
    out: Path = Path("runs/ablations/nano"),
    seeds: int = 3,
    count: int = 60,
    workers: int | None = None,
) -> None:
    """Train recipes with several seeds, measure each on held-out cases, and print mean and spread.

    Run the same command again to continue work that was stopped. Needs extra packages: pip install
    'vera-layers[evaluation]'.

    Parameters
    ----------
    recipes
        Training recipes (YAML) with the same data, such as recipes/ablations/nano/*.yaml.
    base
        Text-to-video model that each starts from, as `vera init` takes it: a folder, a file or a name on the hub.
        Default: what each recipe says.
    out
        Folder for runs, answers and the table.
    seeds
        Number of seeds to train each recipe with.
    count
        Number of held-out cases to measure each on.
    workers
        Number of processes that share the measuring. Default: one for each core, at most eight with a GPU.
    """
    from vera.evaluation.ablations import evaluate_ablations

    say(*evaluate_ablations(recipes, out, base, seeds, count, workers, report=say).splitlines())

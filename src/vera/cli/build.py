"""`vera data build`: layered samples from footage."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from vera.cli.build_plan import tell_plan
from vera.cli.progress import progress_bar
from vera.cli.terminal import say
from vera.errors import VeraError

if TYPE_CHECKING:
    from vera.construction.construct import Report

app = App(name="build", help="Make layered samples from footage; the same command goes on with work that was stopped.")
Flag = Annotated[bool, Parameter(negative=())]


@app.default
def build(
    recipe: Path,
    *,
    out: Path | None = None,
    workers: int = 1,
    executor: Literal["local", "ray"] = "local",
    until: str | None = None,
    limit: int | None = None,
    unattended: Flag = False,
    plan: Flag = False,
    clips: float | None = None,
) -> None:
    """Make layered samples from footage; the same command goes on with work that was stopped. Needs two packages:
    pip install 'vera-layers[construct]'.

    Parameters
    ----------
    recipe
        YAML file: the footage, the samples' size and length, limits of the stages.
    out
        Folder for the records and pictures of all clips, and for the samples: dataset/vera-train-set/.
    workers
        Runs at a time, in as many processes. The samples are the same for any number.
    executor
        Processes of this machine, or Ray: the cluster that RAY_ADDRESS names, on all of whose machines the folder has
        the same path, or one of this machine's own. Needs a package: pip install 'vera-layers[ray]'.
    until
        The last stage to run, such as screen.
    limit
        Work on so many clips only, the first of the footage.
    unattended
        Ask nobody: take what is proposed, and removals as they are. The rows say that nobody reviewed them.
    plan
        Run nothing: tell what every stage would take of processors, GPUs, people and disks, and what that costs. With
        the folder of a build, its own measurements count.
    clips
        With --plan: of how many clips, such as 1e6.
    """
    if plan:
        tell_plan(recipe, out, clips)
        return
    if clips is not None:
        raise VeraError("--clips is for --plan; --limit takes the first clips of the footage")
    if out is None:
        raise VeraError("name the build's folder: --out DIR")
    from vera.construction.construct import build_samples

    with progress_bar() as report:
        done = build_samples(
            recipe,
            out,
            workers=workers,
            until=until,
            limit=limit,
            unattended=unattended,
            executor=executor,
            progress=report,
        )
    _tell(done)
    say(f"samples  {out / 'dataset'} ({done.samples})")


@app.command
def status(out: Path) -> None:
    """Tell where a build stands: how many clips are at which stage, what waits for people, why others are not used.

    Parameters
    ----------
    out
        The build's folder.
    """
    from vera.construction.construct import build_status

    done = build_status(out)
    names = dict.fromkeys(stage for stage, _, _ in sorted(done.counts))
    states = ("ready", "leased", "waiting", "done", "rejected", "failed")
    say(f"{'stage':<10}" + "".join(f"{state:>10}" for state in states))
    for name in names:
        row = [done.count(name, state) for state in states]
        if any(row):
            say(f"{name:<10}" + "".join(f"{count:>10}" for count in row))
    _tell(done)
    say(f"samples  {out / 'dataset'} ({done.samples})")


@app.command
def retry(out: Path, *, reason: str | None = None) -> None:
    """Have the next build try again what failed three times.

    Parameters
    ----------
    out
        The build's folder.
    reason
        What was rejected for this reason instead, such as still.
    """
    from vera.construction.upkeep import retry as forget

    say(f"retry    {forget(out, reason)} stage runs; vera data build does them")


@app.command
def verify(out: Path, *, mend: Flag = False) -> int:
    """Compare every file of a build with its hash; exit code 1 where some differ or are gone.

    Parameters
    ----------
    out
        The build's folder.
    mend
        Remove those that differ, so that the next build makes them anew.
    """
    from vera.construction.upkeep import verify_build

    with progress_bar() as report:
        wrong = verify_build(out, mend, report)
    for path in wrong:
        say(f"differs  {out / path}")
    say(f"verify   {out} ({len(wrong)} files differ or are gone)")
    return 1 if wrong else 0


@app.command
def gc(out: Path) -> None:
    """Remove what no clip of the footage needs any more, and the files of rejected clips. Not while a build runs.

    Parameters
    ----------
    out
        The build's folder.
    """
    from vera.construction.upkeep import collect_garbage

    files, size = collect_garbage(out)
    say(f"removed  {files} files, {size / 1e6:.1f} MB")


@app.command
def publish(out: Path, *, to: str) -> None:
    """Bring a build's samples to another storage. What is there already is not sent again, and whatever stops it, the
    same command goes on.

    Parameters
    ----------
    out
        The build's folder.
    to
        URL of a folder, of any storage for which fsspec's package is installed: file:///data, s3://bucket/data, gs://...
    """
    from vera.construction.publish import publish as send

    with progress_bar() as report:
        count, sent = send(out, to, report)
    say(f"publish  {to} ({count} samples, {sent} clips sent)")


@app.command(name="import")
def import_(out: Path, log: Path, *, by: str | None = None) -> None:
    """Add people's decisions to a build, or masks that they drew elsewhere.

    Parameters
    ----------
    out
        The build's folder.
    log
        JSONL: what to lift out of which clip, and verdicts. Or masks: a folder of DAVIS, COCO's JSON as YouTube-VIS
        has it, XML of CVAT for video 1.1 or a folder of them. Their clips have the names of the export.
    by
        Of masks: who drew them.
    """
    from vera.construction.decisions import import_decisions
    from vera.construction.engine.record import Layout
    from vera.construction.exchange import import_masks

    if log.suffix == ".jsonl":
        say(f"imported {import_decisions(log, Layout(out).decisions)} decisions; vera data build takes them up")
        return
    if not by:
        raise VeraError("say who drew the masks: --by NAME")
    say(f"imported {import_masks(out, log, by)} objects; vera data build takes them up")


@app.command
def export(
    out: Path, path: Path, *, form: Annotated[Literal["davis", "coco", "cvat"], Parameter(name="--format")]
) -> None:
    """Write the masks of a build for other programs.

    Parameters
    ----------
    out
        The build's folder.
    path
        New folder, of DAVIS and CVAT, or file, of COCO.
    form
        davis: a palette PNG a frame; coco: JSON as YouTube-VIS has it, with run lengths; cvat: an XML a clip.
    """
    from vera.construction.exchange import export_masks

    say(f"exported {export_masks(out, path, form)} objects  {path}")


def _tell(done: "Report") -> None:
    _list("rejected", [f"{count} {what}" for what, count in done.rejected.items()])
    _list("waiting", [f"{count} for people at {gate}" for gate, count in done.waiting.items()])
    if failed := done.count(None, "failed"):
        say(f"failed   {failed} stage runs; once mended, vera data build retry")


def _list(head: str, lines: Sequence[str]) -> None:
    for line in lines:
        say(f"{head:<8} {line}")

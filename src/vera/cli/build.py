"""`vera data build`: layered samples from footage."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from vera.cli.build_plan import tell_plan
from vera.cli.options import Flag
from vera.cli.progress import progress_bar
from vera.cli.terminal import say
from vera.errors import VeraError

if TYPE_CHECKING:
    from vera.construction.construct import Report

app = App(name="build", help="Make layered samples from footage.")


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
    metrics: str | None = None,
    plan: Flag = False,
    clips: float | None = None,
) -> None:
    """Make layered samples from footage; the same command continues a build that was stopped.

    Parameters
    ----------
    recipe
        YAML file that names the footage, the samples' size and length, and the limits of the stages.
    out
        The build's folder: records and frames of all clips, and the samples in dataset/vera-train-set/. Required unless
        --plan is given.
    workers
        Number of processes that run stages. It does not change the samples.
    executor
        Where stages run. local: in processes on this machine. ray: on the Ray cluster that RAY_ADDRESS names, whose
        machines must have the folder under the same path, or on a Ray started on this machine; needs pip install
        'vera-layers[ray]'.
    until
        Last stage to run, such as screen. Default: all stages.
    limit
        Process only this many clips, the first of the footage. Default: all.
    unattended
        Do not wait for people: where nobody decided, take the best proposal and every removal. Rows of the dataset
        record that nobody reviewed them.
    metrics
        Serve progress and times to Prometheus while the build runs: at this port of this machine, such as 9464, or at
        an address that other machines can reach, such as 0.0.0.0:9464.
    plan
        Run nothing; estimate the time of CPUs, GPUs and people, the disk space and the cost of each stage. With --out,
        measurements of that build are used.
    clips
        With --plan: number of clips to estimate for, such as 1e6.
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
            metrics=metrics,
        )
    _tell(done)
    say(f"samples  {out / 'dataset'} ({done.samples})")


@app.command
def status(out: Path) -> None:
    """Show a build's progress: clips at each stage, what waits for people, and why clips were rejected.

    Parameters
    ----------
    out
        The build's folder.
    """
    from vera.construction.construct import build_status

    done = build_status(out)
    names = dict.fromkeys(stage for stage, _, _ in sorted(done.counts))
    states = ("ready", "leased", "waiting", "deferred", "done", "rejected", "failed")
    say(f"{'stage':<10}" + "".join(f"{state:>10}" for state in states))
    for name in names:
        row = [done.count(name, state) for state in states]
        if any(row):
            say(f"{name:<10}" + "".join(f"{count:>10}" for count in row))
    _tell(done)
    say(f"samples  {out / 'dataset'} ({done.samples})")


@app.command
def retry(out: Path, *, reason: str | None = None) -> None:
    """Make the next build try failed stage runs again.

    Parameters
    ----------
    out
        The build's folder.
    reason
        Try again what was rejected for this reason, such as still, instead of what failed.
    """
    from vera.construction.upkeep import retry as forget

    say(f"retry    {forget(out, reason)} stage runs; vera data build does them")


@app.command
def verify(out: Path, *, mend: Flag = False) -> int:
    """Compare every file of a build with its hash; exit code 1 if some differ or are missing.

    Parameters
    ----------
    out
        The build's folder.
    mend
        Remove files that differ, so that the next build makes them again.
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
    """Remove files that a build no longer needs, and those of rejected clips. Not while a build runs.

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
    """Copy a build's samples to another storage.

    Every file is sent once. Run the same command again to continue a copy that was stopped.

    Parameters
    ----------
    out
        The build's folder.
    to
        URL of a folder on any storage that fsspec supports with the installed packages: file:///data, s3://bucket/data,
        gs://...
    """
    from vera.construction.publish import publish as send

    with progress_bar() as report:
        count, sent = send(out, to, report)
    say(f"publish  {to} ({count} samples, {sent} clips sent)")


@app.command
def write_batch(out: Path, folder: Path) -> None:
    """Write what a build asks models into batch files, which hosted services and vllm run-batch answer.

    For recipes with a network of kind vlm that has batch: true. Send the files, read the results with read-batch, and
    build again. Questions that have their answer are left out; malformed answers lead to further requests.

    Parameters
    ----------
    out
        The build's folder.
    folder
        New folder for the files, one folder in it for each stage: words/batch-001.jsonl, ...
    """
    from vera.construction.batches import write_requests

    for path in (written := write_requests(out, folder)):
        say(f"requests {path}")
    if not written:
        say("every question has its answer: there is nothing to send")


@app.command
def read_batch(out: Path, results: Annotated[tuple[Path, ...], Parameter(negative=())], /) -> None:
    """Read results of batch files into a build, which takes them up when it runs again.

    Parameters
    ----------
    out
        The build's folder.
    results
        Files of results (OpenAI's JSONL), of any stage.
    """
    from vera.construction.batches import read_replies

    for path in results:
        report = read_replies(out, path)
        say(f"{path}: {report.kept} replies, {report.usage.tokens:,} tokens", *report.failed)


@app.command(name="import")
def import_(out: Path, log: Path, *, by: str | None = None) -> None:
    """Add people's decisions to a build, or masks that were drawn in another program.

    Parameters
    ----------
    out
        The build's folder.
    log
        Decisions: a JSONL file of chosen objects and verdicts. Or masks: a DAVIS folder, COCO JSON in YouTube-VIS form,
        or CVAT for video 1.1 XML, one file or a folder. Clips must be named as `vera data build export` names them.
    by
        For masks: name of the person who drew them.
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
    """Write a build's masks for other programs.

    Parameters
    ----------
    out
        The build's folder.
    path
        New folder (davis, cvat) or new file (coco) to write.
    form
        davis: one palette PNG for each frame. coco: JSON in YouTube-VIS form, with run lengths. cvat: one XML file for
        each clip.
    """
    from vera.construction.exchange import export_masks

    say(f"exported {export_masks(out, path, form)} objects  {path}")


def _tell(done: "Report") -> None:
    _list("rejected", [f"{count} {what}" for what, count in done.rejected.items()])
    _list("waiting", [f"{count} for people at {gate}" for gate, count in done.waiting.items()])
    _list("deferred", [f"{count} {stage}, until a batch is answered" for stage, count in done.deferred.items()])
    if failed := done.count(None, "failed"):
        say(f"failed   {failed} stage runs; once mended, vera data build retry")


def _list(head: str, lines: Sequence[str]) -> None:
    for line in lines:
        say(f"{head:<8} {line}")

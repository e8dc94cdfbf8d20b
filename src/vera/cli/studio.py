"""`vera studio`: the editor in the browser, and workers for it."""

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from vera.cli.options import Words
from vera.cli.serving import SERVING, Serving
from vera.cli.terminal import say

app = App(name="studio", help="Edit in the browser: generate takes, adjust layers, paint mattes.")
Several = Annotated[tuple[Path, ...], Parameter(negative=(), show_default=False)]


@app.default
def studio(
    named: Path | None = None,
    /,
    *,
    workspace: Path | None = None,
    root: Several = (),
    model: Words = ("nano",),
    lora: Words = (),
    serving: Serving = SERVING,
    worker: bool = True,
) -> None:
    """Edit in the browser: generate takes, adjust layers, paint mattes.

    Parameters
    ----------
    named
        Clip, layer folder or project file to open. Default: an empty studio.
    workspace
        Folder for clips, projects, uploads and the queue. Default: vera-studio, beside NAMED.
    root
        Folder from which clips may be opened, with all folders in it. May be repeated. Default: that of NAMED.
    model
        Model to offer for takes; `vera models` lists them. May be repeated; the first is preselected. Default: nano.
    lora
        LoRA to offer for takes, as in `vera edit --lora`, without a scale. May be repeated.
    worker
        Also run jobs, in a process of their own. With --no-worker, start workers with `vera studio worker`.
    """
    access = serving.access("the studio")
    from vera.jobs.embedded import embedded_worker
    from vera.studio.app import open_studio, studio_app
    from vera.studio.opening import check_named, choose_workspace, open_named

    if named is not None:
        check_named(named)
    place = workspace or choose_workspace(named)
    roots = root or (Path() if named is None else named.absolute().parent,)
    opened = open_studio(place, roots, model, lora)
    if named is not None:
        opened = replace(opened, opened=open_named(opened, named))
    say(f"workspace  {opened.workspace}")
    beside = partial(embedded_worker, token=access.token, workspace=opened.workspace) if worker else nullcontext
    serving.serve(studio_app(opened, access, serving.host, serving.name), access, beside)


@app.command
def worker(*, server: str, workspace: Path, token_file: Path) -> None:
    """Run a studio's jobs on this machine, until Ctrl-C.

    Parameters
    ----------
    server
        URL of the studio, such as http://studio.example.com:8000.
    workspace
        The studio's workspace, by its path on this machine.
    token_file
        File with the studio's token.
    """
    from vera.jobs.worker import run_worker
    from vera.service.tokens import read_token

    say(f"working for {server}")
    run_worker(server, read_token(token_file), workspace)

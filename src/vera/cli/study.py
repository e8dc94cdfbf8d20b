"""`vera study`: which edit do people prefer?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from vera.cli.options import Words
from vera.cli.progress import progress_bar
from vera.cli.terminal import say

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = App(name="study", help="Ask people which of two edits is better: plan, make, serve and analyse a study.")
Database = Annotated[
    str | None, Parameter(help="URL of PostgreSQL: postgresql://USER@HOST/NAME. Default: SQLite in the study's folder.")
]


@app.command
def plan(
    *,
    baselines: int = 5,
    cases: int = 100,
    raters: Annotated[tuple[int, ...], Parameter(negative=(), consume_multiple=True)] = (19, 40, 100),
    trials: int = 27,
    rater_sd: float = 1.0,
    level: float = 0.05,
    simulations: int = 2000,
) -> None:
    """Print what a study can find, before anybody is asked.

    Parameters
    ----------
    baselines
        Methods that yours is compared with.
    cases
        How many there are.
    raters
        Numbers of raters, a row each.
    trials
        Pairs that a rater meets.
    rater_sd
        How much raters' own preferences differ, in logits.
    level
        Of the tests.
    simulations
        Studies that are simulated for each number.
    """
    from vera.study.planning import plan_table
    from vera.study.study import Design

    text = plan_table(Design(trials=trials), baselines, cases, rater_sd, level, raters, simulations)
    say(*text.splitlines())


@app.command
def create(
    edits: Path,
    /,
    *,
    out: Path,
    method: Words = (),
    raters: int = 19,
    trials: int | None = None,
    catches: int = 3,
    repeats: int = 3,
    title: str | None = None,
    consent: Path | None = None,
    contact: str = "",
    completion: str = "",
    seed: int | None = None,
    workers: int = 1,
) -> None:
    """Make a study of a run's edits: pairs packed and blinded, and the design registered.

    Parameters
    ----------
    edits
        Folder of `vera evaluate run`, or a list of edits as `vera evaluate judge` reads it.
    out
        New folder of the study.
    method
        The reference, then each baseline. May be repeated. Default: all of the run, the first as the reference.
    raters
        How many are planned; each gets a link.
    trials
        Pairs that a rater meets. Default: 27, or as many as there are cases.
    catches
        Pairs of a result and its damaged self.
    repeats
        Pairs shown again with sides swapped.
    title
        That raters read.
    consent
        Text file that raters agree to; paragraphs are apart by an empty line.
    contact
        Whom raters may write to.
    completion
        URL that raters are sent to at the end, such as Prolific's.
    seed
        Of sides and orders. Default: drawn.
    workers
        Processes that pack videos.
    """
    from vera.study.create import create_study
    from vera.study.texts import read_texts

    texts = read_texts(title, consent, contact, completion)
    design = _design(raters, catches, repeats)
    with progress_bar() as progress:
        made = create_study(edits, method, out, design, trials, texts, seed, workers, progress)
    if made.dropped:
        say(f"left out  {len(made.dropped)} cases without edits of all methods, such as {made.dropped[0]}")
    say(
        f"study     {out}: {made.items} pairs of {made.cases} cases",
        f"register  {out / 'preregistration.md'}, SHA-256 {made.sha256}: deposit it before anybody is asked",
        f"next      vera study serve {out}",
    )


@app.command
def serve(
    study: Path,
    /,
    *,
    host: str = "127.0.0.1",
    port: int = 8750,
    name: Words = (),
    database: Database = None,
    proxy: str | None = None,
) -> None:
    """Show a study to raters, and its progress to you; print the links.

    Parameters
    ----------
    study
        Folder of `vera study create`.
    host
        Address to listen at.
    port
        0 for a free one.
    name
        What browsers call this machine, such as study.example.org. May be repeated.
    proxy
        Address of a reverse proxy, such as 127.0.0.1, whose X-Forwarded-For and X-Forwarded-Proto are believed.
    """
    from vera.service.run import allowed_hosts
    from vera.service.run import serve as run
    from vera.study.server.app import study_app

    made, links = study_app(study, database, allowed_hosts(host, name), proxy)

    def told(url: str) -> None:
        base = f"https://{name[0]}" if proxy and name else url
        say(
            f"progress  {base}/r/{links.admin}",
            f"anybody   {base}/r/{links.shared}",
            f"raters    {base}/r/{links.raters[0]} and {len(links.raters) - 1} more, on the page of the progress",
        )
        print(end="", flush=True)

    run(made, host, port, ready=told)


@app.command
def analyse(
    study: Path, /, *, out: Path | None = None, database: Database = None, registered: str | None = None
) -> None:
    """Analyse the answers as registered: print the comparisons, write the report, the figures and the data.

    Parameters
    ----------
    study
        Folder of `vera study create`.
    out
        Folder of the report. Default: results, in the study's folder.
    registered
        SHA-256 that `create` printed; the study must be registered so.
    """
    from vera.study.analysis.summary import summary_lines
    from vera.study.analysis.write import analyse_study

    written = analyse_study(study, _database(study, database), out or study / "results", registered)
    say(*summary_lines(written.results, written.excluded, written.key), f"report    {written.page}")


@app.command
def export(study: Path, /, *, out: Path, database: Database = None) -> None:
    """Write the answers so far, blinded: as a copy to keep while the study runs.

    Parameters
    ----------
    study
        Folder of `vera study create`.
    out
        Folder for trials.csv, answers.csv, events.jsonl and the codebook.
    """
    from vera.study.analysis.write import export_data

    say(f"answers   of {export_data(study, _database(study, database), out)} raters in {out}")


@app.command
def withdraw(study: Path, code: str, /, *, database: Database = None) -> None:
    """Delete everything that was recorded under a rater's code.

    Parameters
    ----------
    study
        Folder of `vera study create`.
    code
        That the rater was given.
    """
    from vera.errors import VeraError
    from vera.study.store.sessions import withdraw as delete

    if not delete(_database(study, database), code):
        raise VeraError(f"{code:.60}: nothing is recorded under this code; compare it with the rater's")
    say("deleted   everything that was recorded under this code; exports made before still hold it")


def _design(raters: int, catches: int, repeats: int) -> Any:
    import msgspec

    from vera.errors import VeraError
    from vera.study.study import Design

    try:
        return msgspec.convert({"raters": raters, "catches": catches, "repeats": repeats}, Design)
    except msgspec.ValidationError as error:
        raise VeraError(f"design: {error}") from None


def _database(study: Path, database: str | None) -> "Engine":
    from vera.study.folder import DATABASE, read_registration
    from vera.study.store.connect import open_database

    read_registration(study)
    return open_database(database or study / DATABASE)

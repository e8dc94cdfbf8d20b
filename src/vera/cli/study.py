"""`vera study`: which edit do people prefer?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from vera.cli.options import Words
from vera.cli.progress import progress_bar
from vera.cli.terminal import say

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = App(name="study", help="Run a preference study: ask people which of two edits is better.")
Database = Annotated[
    str | None, Parameter(help="Database URL, postgresql://USER@HOST/NAME. Default: SQLite in the study's folder.")
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
    """Print the statistical power of a study, before you ask anybody.

    Parameters
    ----------
    baselines
        Number of methods that yours is compared with.
    cases
        Number of cases.
    raters
        Numbers of raters to print the power for, one row each.
    trials
        Number of pairs that each rater sees.
    rater_sd
        Standard deviation of the raters' own preferences, in logits.
    level
        Significance level of the tests.
    simulations
        Number of studies to simulate for each number of raters.
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
    """Create a study from a run's edits: blinded pairs, and a preregistration of the design.

    Parameters
    ----------
    edits
        Folder of `vera evaluate run`, or a JSONL list of edits as for `vera evaluate judge`.
    out
        New folder for the study.
    method
        Method to compare: first the reference, then each baseline. May be repeated. Default: all methods of the run,
        the first as the reference.
    raters
        Planned number of raters; each gets a link.
    trials
        Number of pairs that each rater sees. Default: 27, or the number of cases if that is smaller.
    catches
        Number of attention checks among a rater's pairs: a result beside a damaged copy of itself.
    repeats
        Number of pairs that a rater sees again with sides swapped.
    title
        Title that raters see. Default: "Which edit is better?"
    consent
        Text file that raters agree to, with paragraphs separated by empty lines. Default: a general one.
    contact
        Whom raters may write to, such as a name and an address. Default: nobody is named.
    completion
        URL (https) that raters are sent to at the end, such as Prolific's. Default: none.
    seed
        Seed of sides and orders. Default: a random one.
    workers
        Number of processes that pack videos.
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
    """Serve a study to raters and its progress to you, and print the links.

    Parameters
    ----------
    study
        Folder of `vera study create`.
    host
        Address to listen at.
    port
        Port to listen at. 0: any free port.
    name
        Name under which browsers reach this machine, such as study.example.org. May be repeated.
    proxy
        Address of a reverse proxy, such as 127.0.0.1, whose X-Forwarded-For and X-Forwarded-Proto are trusted.
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

    run(made, host, port, names=name, ready=told)


@app.command
def analyse(
    study: Path, /, *, out: Path | None = None, database: Database = None, registered: str | None = None
) -> None:
    """Analyse the answers as registered, and write a report with figures and data.

    Parameters
    ----------
    study
        Folder of `vera study create`.
    out
        Folder for the report. Default: results, in the study's folder.
    registered
        SHA-256 that `vera study create` printed. The study is refused if its registration has another.
    """
    from vera.study.analysis.summary import summary_lines
    from vera.study.analysis.write import analyse_study

    written = analyse_study(study, _database(study, database), out or study / "results", registered)
    say(*summary_lines(written.results, written.excluded, written.key), f"report    {written.page}")


@app.command
def export(study: Path, /, *, out: Path, database: Database = None) -> None:
    """Write a blinded copy of the answers so far, while the study runs.

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
        Code that the rater was given.
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

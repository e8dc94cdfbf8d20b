"""Write what a study shows: the page, the figures, the data and the codebook, as one folder that appears whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from vera.errors import VeraError
from vera.evaluation.reports.run.tabular import title_of
from vera.files import check_outputs, json_text
from vera.study.analysis.choices import Rater, read_raters
from vera.study.analysis.exclusions import exclusions
from vera.study.analysis.figures import write_abilities, write_times, write_wins
from vera.study.analysis.page import Analysis, render_study
from vera.study.analysis.results import Result, make_result
from vera.study.analysis.tabular import answers_csv, codebook, comparisons_csv, events_jsonl, results_json, trials_csv
from vera.study.folder import STUDY, open_key, open_study, read_registration
from vera.study.store.sessions import claim_database, count_withdrawals
from vera.study.study import Key, Study
from vera.written import own_folder

PAGE, FIGURES, RESULTS = "report.html", "figures", ("comparisons.csv", "results.json")
# Each lists what one command wrote: all that the same command may replace. Neither replaces what the other wrote.
ANALYSED, EXPORTED = "analysis-files.json", "export-files.json"
KEPT, EVERYBODY = "kept", "everybody"


@dataclass(frozen=True)
class Written:
    """What was written, and the results by which raters they are of."""

    page: Path
    key: Key
    results: Mapping[str, Result]
    excluded: Mapping[str, list[str]]


def analyse_study(folder: Path, engine: Engine, out: Path, registered: str | None = None) -> Written:
    """Analyse a study as it was registered, and write the report into `out`.

    `registered` is the hash that was printed when the study was made; None: whichever the folder states. VeraError if
    the study is not as registered, its answers are another study's, or there are none.
    """
    study, sha256 = open_study(folder, media=False)
    if registered is not None and registered != sha256:
        raise VeraError(f"{folder}: is registered as {sha256}, not as {registered:.80}; is it the right study?")
    claim_database(engine, study.id, sha256)
    key, raters = open_key(folder), read_raters(study, engine)
    if not raters:
        raise VeraError(f"{folder}: nobody has answered yet; give raters their links (`vera study serve`)")
    excluded = exclusions(study, raters)
    kept = [rater for rater in raters if not excluded[rater.name]]
    results = {KEPT: make_result(study, key, kept), EVERYBODY: make_result(study, key, raters)}
    check_outputs([folder / STUDY], [out])
    with own_folder(out, ANALYSED) as partial:
        (partial / FIGURES).mkdir()
        figures = _draw(partial / FIGURES, results, key, raters)
        withdrawn = count_withdrawals(engine)
        analysis = Analysis(study, key, read_registration(folder), raters, excluded, results, withdrawn)
        _write(partial / PAGE, render_study(analysis, figures))
        _write(partial / RESULTS[0], comparisons_csv(results, key))
        _write(partial / RESULTS[1], json_text(results_json(results, excluded, key)) + "\n")
        _write_data(partial, raters, excluded, key)
    return Written(out / PAGE, key, results, excluded)


def export_data(folder: Path, engine: Engine, out: Path) -> int:
    """Write the answers so far, blinded: methods have numbers. Returns of how many raters.

    VeraError as `analyse_study`.
    """
    study, sha256 = open_study(folder, media=False)
    claim_database(engine, study.id, sha256)
    raters = read_raters(study, engine)
    check_outputs([folder / STUDY], [out])
    with own_folder(out, EXPORTED) as partial:
        _write_data(partial, raters, exclusions(study, raters), _numbered(study))
    return len(raters)


def _numbered(study: Study) -> Key:
    return Key("reference", tuple(f"baseline-{number + 1}" for number in range(study.baselines)))


def _draw(folder: Path, results: Mapping[str, Result], key: Key, raters: Sequence[Rater]) -> list[Path]:
    """Draw all figures; returns those that the page shows."""
    kept = results[KEPT]
    drawn = write_wins(folder, "all", kept.comparisons, key, f"How often {key.reference} was chosen")
    for number, (task, comparisons) in enumerate(kept.tasks.items(), 1):
        title = f"{title_of(task)}: how often {key.reference} was chosen"
        drawn += write_wins(folder, f"task-{number}", comparisons, key, title)
    title = f"Everybody, also those left out: how often {key.reference} was chosen"
    drawn += write_wins(folder, "everybody", results[EVERYBODY].comparisons, key, title)
    drawn += write_abilities(folder, kept, key) + write_times(folder, raters)
    return [path for path in drawn if path.suffix == ".png"]


def _write_data(folder: Path, raters: Sequence[Rater], excluded: Mapping[str, list[str]], key: Key) -> None:
    _write(folder / "trials.csv", trials_csv(raters, excluded, key))
    _write(folder / "answers.csv", answers_csv(raters, excluded, key))
    _write(folder / "events.jsonl", events_jsonl(raters))
    _write(folder / "codebook.md", codebook())


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")

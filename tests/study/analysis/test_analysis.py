"""The analysis is the registered one: its numbers are scipy's, choix's and those of a count by hand."""

import csv
import io
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import choix
import krippendorff
import numpy as np
import pytest
from scipy import stats
from tests.study.analysis.answered import answer_study, side_of
from tests.study.made_study import METHODS, make_study

from vera.errors import VeraError
from vera.metrics.statistics import bradley_terry, holm
from vera.study.analysis.choices import Answered, Choice, Rater, choices_of, read_raters
from vera.study.analysis.comparisons import abilities, agreement, compare, consistency
from vera.study.analysis.exclusions import reasons
from vera.study.analysis.results import limits, make_result
from vera.study.analysis.write import analyse_study, export_data
from vera.study.folder import REGISTRATION, open_key, open_study
from vera.study.study import QUESTIONS, Rules, Side
from vera.study.trials import draw_trials


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    folder = make_study(tmp_path_factory.mktemp("answered"))
    return folder, answer_study(folder, 9)


@pytest.fixture(scope="module")
def written(answered: tuple[Path, Any]) -> Any:
    return analyse_study(*answered, answered[0] / "results")


def test_counts_are_those_of_the_table_of_answers(written: Any) -> None:
    counted = Counter[tuple[str, str, str]]()
    for row in rows((written.page.parent / "answers.csv").read_text()):
        if row["kind"] == "pair":
            counted[row["baseline"], row["question"], row["won"]] += 1
    assert len(written.results["kept"].comparisons) == 6
    for one in written.results["kept"].comparisons:
        name = written.key.baselines[one.baseline]
        assert one.wins == counted[name, one.question, "1"]
        assert one.trials == one.wins + counted[name, one.question, "0"] and one.raters == 9


def test_tests_are_scipys(answered: tuple[Path, Any], written: Any) -> None:
    study, _ = open_study(answered[0])
    choices = choices_of(read_raters(study, answered[1]))
    compared = written.results["kept"].comparisons
    for one in compared:
        own = [c for c in choices if (c.baseline, c.question) == (one.baseline, one.question)]
        sums = [sum(2 * c.won - 1 for c in own if c.rater == name) for name in sorted({c.rater for c in own})]
        assert one.binomial == pytest.approx(stats.binomtest(one.wins, one.trials).pvalue)
        flipped = stats.permutation_test(
            (np.array(sums, float),), np.sum, permutation_type="samples", n_resamples=math.inf, alternative="two-sided"
        )
        assert one.p == pytest.approx(flipped.pvalue)
        assert one.wilson is not None and one.wilson.low < one.share < one.wilson.high
        assert one.bootstrap is not None and one.bootstrap.low <= one.share <= one.bootstrap.high
    assert [one.holm for one in compared] == pytest.approx(list(holm([one.p for one in compared])))


def test_abilities_of_alike_raters_are_choixs(answered: tuple[Path, Any]) -> None:
    study, _ = open_study(answered[0])
    own = [one for one in choices_of(read_raters(study, answered[1])) if one.question == "quality"]
    data = [(0, one.baseline + 1) if one.won else (one.baseline + 1, 0) for one in own]
    fitted = choix.ilsr_pairwise(3, data)
    plain = bradley_terry(*np.array(data).T)
    assert plain.logits - plain.logits[0] == pytest.approx(fitted - fitted[0], abs=1e-4)
    found = abilities(own, "quality", METHODS)
    for number, one in enumerate(found):
        assert one.interval is not None
        # Raters who differ are estimated, too: as these do not, the estimates are near.
        assert one.interval.value == pytest.approx(fitted[0] - fitted[number + 1], abs=0.35)


def test_raters_of_one_mind_each_are_told() -> None:
    own = [Choice(f"r{n}", "c", "t", f"i{m}", 0, "quality", n < 3) for n in range(6) for m in range(5)]
    (found,) = abilities(own, "quality", METHODS[:2])
    assert found.interval is None and "raters hardly ever contradict themselves" in found.reason


def test_agreement_is_krippendorffs(answered: tuple[Path, Any]) -> None:
    study, _ = open_study(answered[0])
    choices = choices_of(read_raters(study, answered[1]))
    own = [one for one in choices if one.question == "preservation"]
    raters, items = (sorted({getattr(one, name) for one in own}) for name in ("rater", "item"))
    table = np.full((len(raters), len(items)), np.nan)
    for one in own:
        table[raters.index(one.rater), items.index(one.item)] = one.won
    (found, *_) = agreement(choices)
    assert found.interval is not None
    assert found.interval.value == pytest.approx(krippendorff.alpha(table, level_of_measurement="nominal"))


def test_consistency_counts_equal_choices_of_repeats(answered: tuple[Path, Any]) -> None:
    study, _ = open_study(answered[0])
    raters = read_raters(study, answered[1])
    same = []
    for rater in raters:
        by_number = {one.number: one for one in rater.answered}
        for again in rater.of_kind("repeat"):
            assert again.trial.repeats is not None
            same.append(again.won("quality") == by_number[again.trial.repeats].won("quality"))
    found = consistency(raters)[2].interval
    assert len(same) == 18 and found is not None and found.value == pytest.approx(np.mean(same))


def test_tasks_apart_add_up(written: Any) -> None:
    result = written.results["kept"]
    assert list(result.tasks) == ["background_replace", "obj_add"]
    for one in result.comparisons:
        apart = [
            c for own in result.tasks.values() for c in own if (c.baseline, c.question) == (one.baseline, one.question)
        ]
        assert sum(c.wins for c in apart) == one.wins and sum(c.trials for c in apart) == one.trials


def test_catches_and_repeats_are_not_counted(answered: tuple[Path, Any]) -> None:
    study, _ = open_study(answered[0])
    assert len(choices_of(read_raters(study, answered[1]))) == 9 * study.design.trials * 3


def test_the_report_is_whole(written: Any) -> None:
    folder = written.page.parent
    page = written.page.read_text()
    assert all(name in page for name in METHODS) and "Exploratory" in page and "Primary analysis" in page
    assert "script-src" in page and "<script" not in page and "http://" not in page
    names = {path.name for path in (folder / "figures").iterdir()}
    for stem in ("wins-all", "wins-everybody", "wins-task-1", "wins-task-2", "abilities", "times"):
        assert {f"{stem}.png", f"{stem}.pdf"} <= names
    codebook = (folder / "codebook.md").read_text()
    for table in ("trials.csv", "answers.csv", "comparisons.csv"):
        columns = (folder / table).read_text().splitlines()[0].split(",")
        assert [column for column in columns if f"`{column}`" not in codebook] == []
    assert len(rows((folder / "trials.csv").read_text())) == 9 * 12
    found = json.loads((folder / "results.json").read_text())
    assert len(found["results"]["kept"]["primary"]) == 6 and found["excluded"] == {}


def test_a_second_report_takes_the_place_of_the_first(answered: tuple[Path, Any], tmp_path: Path) -> None:
    for _ in range(2):
        written = analyse_study(*answered, tmp_path / "results")
        (tmp_path / "results" / "note.txt").write_text("mine")
    assert (tmp_path / "results" / "note.txt").read_text() == "mine"
    assert not list((tmp_path / "results").rglob("former*")) and written.page.is_file()


def test_of_a_folder_goes_only_what_was_written_there(answered: tuple[Path, Any], tmp_path: Path) -> None:
    paper, data = tmp_path / "paper", tmp_path / "data"
    figures = [paper / "figures/architecture.pdf", paper / "figures/photo.png"]
    for path in [*figures, paper / "report.html", data / "answers.csv"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    for _ in range(2):
        analyse_study(*answered, paper)
        export_data(*answered, data)
    kept = [*figures, paper / "former report.html", data / "former answers.csv"]
    assert [path.read_text() for path in kept] == ["mine"] * 4
    assert len(list(tmp_path.rglob("former*"))) == 2
    (data / "trials.csv").write_text("changed by hand")
    export_data(*answered, data)
    assert (data / "former trials.csv").read_text() == "changed by hand"


def test_export_and_analysis_in_one_folder_leave_each_other_alone(answered: tuple[Path, Any], tmp_path: Path) -> None:
    unblinded = (analyse_study(*answered, tmp_path / "out").page.parent / "trials.csv").read_text()
    export_data(*answered, tmp_path / "out")
    assert (tmp_path / "out/report.html").is_file()
    assert (tmp_path / "out/former trials.csv").read_text() == unblinded


def test_one_rater_works_and_says_what_it_cannot_say(study_folder: Path) -> None:
    engine = answer_study(study_folder, 1)
    written = analyse_study(study_folder, engine, study_folder / "results")
    result = written.results["kept"]
    assert result.raters == 1 and all(one.wilson is None and one.p == 1 for one in result.comparisons)
    assert "One rater" in limits(result)[0] and "One rater" in written.page.read_text()
    assert all(one.interval is None and one.reason for own in result.abilities.values() for one in own)


def test_five_raters_are_told_to_be_too_few(study_folder: Path) -> None:
    engine = answer_study(study_folder, 5, chance=1.0)
    study, _ = open_study(study_folder)
    result = make_result(study, open_key(study_folder), read_raters(study, engine))
    assert min(one.p for one in result.comparisons) > 0.05 and "5 raters" in limits(result)[0]


@pytest.mark.faults
@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_a_method_that_always_wins_or_never(tmp_path: Path, chance: float) -> None:
    folder = make_study(tmp_path, cases=4, design={"raters": 3, "trials": 4, "catches": 0, "repeats": 0})
    written = analyse_study(folder, answer_study(folder, 3, chance), tmp_path / "report")
    assert written.page.is_file()


def test_nobody_and_nobody_left(study_folder: Path) -> None:
    engine = answer_study(study_folder, 0)
    with pytest.raises(VeraError, match="nobody has answered yet"):
        analyse_study(study_folder, engine, study_folder / "results")
    engine = answer_study(study_folder, 1, rt=10)  # faster than the clips are long
    written = analyse_study(study_folder, engine, study_folder / "results")
    assert written.results["kept"].raters == 0 and written.results["everybody"].raters == 1
    assert "there is nothing to report" in written.page.read_text()


def test_a_study_that_is_not_as_registered_is_not_analysed(study_folder: Path, answered: tuple[Path, Any]) -> None:
    engine = answer_study(study_folder, 1)
    with pytest.raises(VeraError, match="is registered as"):
        analyse_study(study_folder, engine, study_folder / "results", registered="0" * 64)
    with pytest.raises(VeraError, match="holds answers of study"):
        analyse_study(study_folder, answered[1], study_folder / "results")
    path = study_folder / REGISTRATION
    path.write_text(path.read_text().replace('"level": 0.05', '"level": 0.10'))
    with pytest.raises(VeraError, match="was changed after"):
        analyse_study(study_folder, engine, study_folder / "results")


def test_an_export_is_blinded(answered: tuple[Path, Any], tmp_path: Path) -> None:
    assert export_data(*answered, tmp_path / "data") == 9
    text = "".join(path.read_text() for path in (tmp_path / "data").iterdir())
    assert "baseline-1" in text and not any(method in text for method in METHODS)


def a_rater(folder: Path, left: float = 0.5, missed: int = 0, rt: float = 3000, done: int | None = None) -> Rater:
    """A rater who chooses the left side with a share, misses catches, takes so long and does so many trials."""
    study, _ = open_study(folder)
    items = {item.id: item for item in study.items}
    trials, found, caught = draw_trials(study, 0), [], 0
    for number, trial in enumerate(trials[:done]):
        item = items[trial.item]
        side: Side = "left" if number % 10 < 10 * left else "right"
        if trial.kind == "catch":
            caught += 1
            side = side_of(trial, item, caught > missed)
        found.append(Answered(number, trial, item, dict.fromkeys(QUESTIONS, side), {"rt": rt}))
    return Rater(0, trials, tuple(found))


def test_who_is_left_out_and_why(made: Path) -> None:
    rules = Rules()
    assert reasons(rules, a_rater(made)) == []
    assert reasons(rules, a_rater(made, missed=1)) == []
    assert reasons(rules, a_rater(made, missed=2)) == ["2 catches missed"]
    assert reasons(rules, a_rater(made, left=1)) == ["100% of answers on one side"]
    assert reasons(rules, a_rater(made, rt=400)) == ["median time to decide 0.4 s, clips 0.5 s"]
    assert "done" in reasons(rules, a_rater(made, done=9))[-1] and reasons(rules, a_rater(made, done=10)) == []
    assert reasons(Rules(missed=0, side=1, done=0), a_rater(made, left=1, missed=2)) == []


def test_few_answers_on_one_side_may_be_chance(made: Path) -> None:
    rater = a_rater(made, left=1, done=3)
    assert not any("side" in reason for reason in reasons(Rules(done=0), rater))


def test_no_comparison_without_answers() -> None:
    assert compare([], 3) == []

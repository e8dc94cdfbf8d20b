"""`vera study` from the command line, and what it says of bad input."""

from pathlib import Path

import pytest
from tests.study.analysis.answered import answer_study
from tests.study.made_study import METHODS, make_edits

from vera.cli import main


def run(*arguments: object) -> int:
    return main(["study", *map(str, arguments)])


def test_plan_create_export_analyse_and_withdraw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plan", "--baselines", 2, "--cases", 30, "--raters", 6, 9, "--simulations", 50) == 0
    assert "for 80 %" in capsys.readouterr().out
    listed = make_edits(tmp_path / "edits", 6)
    made = ("create", listed, "--out", tmp_path / "study", "--raters", 3, "--catches", 1, "--repeats", 1, "--seed", 1)
    consent = tmp_path / "consent.txt"
    consent.write_text("One.\n\nTwo.")
    assert run(*made, "--consent", consent, "--completion", "https://example.org/done?x=1", "--title", "Mine") == 0
    assert "SHA-256" in capsys.readouterr().out
    engine = answer_study(tmp_path / "study", 3)
    assert run("export", tmp_path / "study", "--out", tmp_path / "data") == 0
    assert run("analyse", tmp_path / "study") == 0
    said = capsys.readouterr().out
    assert f"vs. {METHODS[1]}"[:20] in said and "3 raters: the sign-flip test" in said
    assert (tmp_path / "study" / "results" / "report.html").is_file()
    assert run("withdraw", tmp_path / "study", "code 1") == 0 and run("withdraw", tmp_path / "study", "code 1") == 2
    engine.dispose()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("create", "missing.jsonl", "--out", "s"), "missing.jsonl: cannot be read"),
        (("create", "edits.jsonl", "--out", "s", "--raters", "0"), "design:"),
        (("create", "edits.jsonl", "--out", "s", "--seed=-1"), "seed must be between 0"),
        (("create", "edits.jsonl", "--out", "s", "--completion", "http://a.example"), "begins with https://"),
        (("create", "edits.jsonl", "--out", "s", "--title", " "), "not empty"),
        (("create", "edits.jsonl", "--out", "s", "--consent", "none.txt"), "none.txt: cannot be read"),
        (("serve", "nothing"), "holds no study"),
        (("analyse", "nothing"), "holds no study"),
        (("withdraw", "nothing", "CODE"), "holds no study"),
        (("plan", "--cases", "9"), "27 trials a rater need as many cases"),
        (("plan", "--rater-sd", "11"), "standard deviation is 0 to 10"),
    ],
    ids=str,
)
def test_bad_input_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edits.jsonl").write_text("")
    assert run(*arguments) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1

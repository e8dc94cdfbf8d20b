"""Making a study: what is in its folder, and what is refused before anything is written."""

import json
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.evaluation.benchmarks import texture
from tests.study.made_study import METHODS, RATE, make_edits, make_study

from vera.errors import VeraError
from vera.study.create import create_study
from vera.study.folder import (
    KEY,
    LINKS,
    MEDIA,
    REGISTRATION,
    REGISTRATION_TEXT,
    STUDY,
    media_path,
    open_key,
    open_study,
)
from vera.study.registration import registration_of, registration_text
from vera.study.study import Design, Key
from vera.video import write_lossless


def test_a_study_holds_every_pair_once_and_catches(made: Path) -> None:
    study, sha256 = open_study(made)
    assert open_key(made).reference == METHODS[0] and open_key(made).baselines == METHODS[1:]
    cells = Counter((item.case, item.baseline) for item in study.items)
    assert {count for (_, baseline), count in cells.items() if baseline >= 0} == {1}
    assert len(cells) == 8 * 2 + 2 and study.design.trials == 8 and study.design.catches == 2
    assert {path.stem for path in (made / MEDIA).iterdir()} == {item.id for item in study.items}
    above = Counter(item.reference for item in study.items)
    assert abs(above["first"] - above["second"]) <= 1
    registration = json.loads((made / REGISTRATION).read_text())
    assert registration["sha256"] == sha256 and len(registration["hypotheses"]) == 6
    assert (made / REGISTRATION_TEXT).read_text() == registration_text(registration)


def test_what_unblinds_is_the_owners_alone(made: Path) -> None:
    assert all((made / name).stat().st_mode & 0o077 == 0 for name in (KEY, LINKS))
    shown = (made / STUDY).read_bytes() + b"".join(path.read_bytes() for path in (made / MEDIA).iterdir())
    assert not any(method.encode() in shown for method in METHODS)


def test_catches_are_of_cases_apart_where_there_are_enough(tmp_path: Path) -> None:
    folder = make_study(tmp_path, design={"trials": 5})
    study, _ = open_study(folder)
    caught = {item.case for item in study.items if item.baseline < 0}
    assert len(caught) == 2 and not caught & set(study.cases) and len(study.cases) == 6


def test_equal_seeds_give_equal_designs(tmp_path: Path, made: Path) -> None:
    other, _ = open_study(make_study(tmp_path))
    study, _ = open_study(made)
    assert [(item.case, item.baseline, item.reference, item.sha256) for item in study.items] == [
        (item.case, item.baseline, item.reference, item.sha256) for item in other.items
    ]


def test_cases_that_lack_a_method_are_left_out_and_told(tmp_path: Path) -> None:
    listed = make_edits(tmp_path / "edits", 4)
    listed.write_text("".join(line for line in listed.read_text().splitlines(True)[:-1]))
    created = create_study(listed, METHODS, tmp_path / "study", Design(catches=1, repeats=0), seed=1)
    assert created.dropped == ("case-3",) and created.cases == 3


def test_methods_are_chosen_and_the_first_is_the_reference(tmp_path: Path) -> None:
    listed = make_edits(tmp_path / "edits", 3)
    create_study(listed, (METHODS[2], METHODS[0]), tmp_path / "study", Design(catches=0, repeats=0), seed=1)
    key = open_key(tmp_path / "study")
    assert (key.reference, key.baselines) == (METHODS[2], (METHODS[0],))


@pytest.mark.parametrize(
    ("methods", "trials", "repeats", "message"),
    [
        (("nobody", METHODS[0]), None, 0, "has no method 'nobody'"),
        ((METHODS[0],), None, 0, "at least two different methods"),
        ((METHODS[0], METHODS[0]), None, 0, "at least two different methods"),
        ((), 9, 0, "9 trials a rater, but 3 cases"),
        ((), 1, 0, "1 trials a rater do not meet each of 2 baselines"),
        ((), 3, 4, "4 repeats of 3 trials"),
    ],
)
def test_designs_that_cannot_be_are_refused(
    tmp_path: Path, methods: tuple[str, ...], trials: int | None, repeats: int, message: str
) -> None:
    listed = make_edits(tmp_path / "edits", 3)
    with pytest.raises(VeraError, match=message):
        create_study(listed, methods, tmp_path / "study", Design(catches=0, repeats=repeats), trials)
    assert [path.name for path in tmp_path.iterdir()] == ["edits"]


@pytest.mark.parametrize(
    ("frames", "size", "rate", "shape"),
    [
        (4, (64, 48), RATE, "4 frames of 64x48 at 10 a second"),
        (5, (48, 64), RATE, "5 frames of 48x64 at 10 a second"),
        (5, (64, 48), Fraction(25), "5 frames of 64x48 at 25 a second"),
    ],
    ids=["length", "size", "rate"],
)
def test_a_pair_that_differs_is_refused_by_name_and_nothing_is_left(
    tmp_path: Path, frames: int, size: tuple[int, int], rate: Fraction, shape: str
) -> None:
    listed = make_edits(tmp_path / "edits", 3)
    write_lossless(tmp_path / "edits" / "1-2.mkv", texture(0, frames, size[1], size[0]), rate)
    rule = f"case case-1, {METHODS[2]}: .*{shape}, the source 5 frames of 64x48 at 10 a second: .*size, length and rate"
    with pytest.raises(VeraError, match=rule):
        create_study(listed, (), tmp_path / "study", Design(catches=0, repeats=0))
    assert [path.name for path in tmp_path.iterdir()] == ["edits"]


def test_a_case_of_two_instructions_is_refused(tmp_path: Path) -> None:
    listed = make_edits(tmp_path / "edits", 2)
    listed.write_text(listed.read_text().replace("number 0", "number 7", 1))
    with pytest.raises(VeraError, match="two instructions or sources"):
        create_study(listed, (), tmp_path / "study", Design(catches=0, repeats=0))


def test_a_study_is_made_once(made: Path, tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="a study is made once"):
        create_study(make_edits(tmp_path / "edits", 2), (), made, Design())


@pytest.mark.parametrize("name", [STUDY, KEY, REGISTRATION])
def test_an_edited_file_is_told(study_folder: Path, name: str) -> None:
    path = study_folder / name
    path.write_text(path.read_text().replace("ours-secret", "mine-secret").replace('"trials": 8', '"trials": 7'))
    with pytest.raises(VeraError, match=f"{name}: was changed"):
        open_study(study_folder)
        open_key(study_folder)


def test_a_damaged_video_and_a_missing_one_are_told(study_folder: Path) -> None:
    study, _ = open_study(study_folder)
    path = media_path(study_folder, study.items[0].id)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(VeraError, match="was changed"):
        open_study(study_folder)
    path.unlink()
    with pytest.raises(VeraError, match="cannot be read"):
        open_study(study_folder)


def test_a_folder_that_holds_no_study_is_told(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="holds no study"):
        open_study(tmp_path)
    (tmp_path / REGISTRATION).write_text("[]")
    with pytest.raises(VeraError, match="was changed"):
        open_study(tmp_path)


@pytest.mark.faults
def test_a_videos_time_tells_nothing(made: Path) -> None:
    """Servers send it: it had the order of packing, baseline by baseline, and the catches last."""
    assert len({path.stat().st_mtime_ns for path in (made / MEDIA).iterdir()}) == 1


@pytest.mark.faults
def test_names_add_nothing_to_a_registration(made: Path) -> None:
    """A line end in an instruction began a section, as of rules that nobody registered."""
    study, key = open_study(made)[0], open_key(made)

    def lines(name: str) -> list[str]:
        items = tuple(replace(item, case=name, instruction=name) for item in study.items)
        named = replace(study, items=items, texts=replace(study.texts, title=name))
        return registration_text(registration_of(named, Key(name, (name,) * len(key.baselines)))).splitlines()

    plain, strange = lines("name"), lines("# name\n\n## Left out\n\n* nobody <b>`|")
    assert len(strange) == len(plain)
    assert [line for line in strange if line.startswith("#")][1:] == [line for line in plain if line.startswith("#")][
        1:
    ]
    assert sum(line.count("\\<b") for line in strange) == sum(line.count("<b") for line in strange) > 0

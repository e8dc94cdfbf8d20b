"""Whose clip a file is: by its name, whatever its codec, and never by guessing."""

import unicodedata
from pathlib import Path

import cv2
import pytest
from tests.evaluation.benchmarks import texture

from vera.errors import VeraError
from vera.evaluation.methods.matching import match_cases
from vera.video import open_clip

CASES = ["one_0", "zwölf_1", "three_2"]


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_names_are_compared_without_suffix_capitals_and_form(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Zwölf_1")
    touch(tmp_path, "ONE_0.MP4", f"{decomposed}.webm", "three_2.mov", "three_2.txt", ".three_2.mp4", "notes.json")
    matches = match_cases(tmp_path, CASES)
    assert [matches.found[case].clip.name for case in CASES] == ["ONE_0.MP4", f"{decomposed}.webm", "three_2.mov"]
    assert not matches.refused and not matches.strangers


def test_wrong_names_match_nothing_and_are_told(tmp_path: Path) -> None:
    touch(tmp_path, "one_0.mp4", "zwölf-1.mp4", "three_2_final.mp4")
    matches = match_cases(tmp_path, CASES)
    assert set(matches.found) == {"one_0"}
    assert matches.refused == dict.fromkeys(("zwölf_1", "three_2"), "there is no clip of its name")
    assert sorted(matches.strangers) == ["three_2_final.mp4", "zwölf-1.mp4"]


def test_two_clips_of_a_case_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "one_0.mp4", "one_0.mov", "three_2.mp4", "three_2/result.mkv")
    matches = match_cases(tmp_path, CASES)
    assert not matches.found
    assert matches.refused["one_0"] == "two clips have its name, one_0.mov and one_0.mp4: keep one"
    assert matches.refused["three_2"] == "two clips have its name, three_2 and three_2.mp4: keep one"


def test_a_folder_for_each_case(tmp_path: Path) -> None:
    touch(tmp_path, "one_0/result.mkv", "one_0/layers/manifest.json", "zwölf_1/result.mp4", "zwölf_1/result.mov")
    (tmp_path / "three_2").mkdir()
    for number, picture in enumerate(texture()):
        cv2.imwrite(str(tmp_path / "three_2" / f"{number:03}.png"), picture)
    matches = match_cases(tmp_path, CASES)
    assert matches.found["one_0"].layers == tmp_path / "one_0" / "layers"
    assert matches.refused["zwölf_1"] == "its folder holds two results, result.mov and result.mp4: keep one"
    assert open_clip(matches.found["three_2"].clip).frame_count == 10


def test_folders_that_are_none_of_ours(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="is no folder of videos"):
        match_cases(tmp_path / "none", CASES)
    with pytest.raises(VeraError, match="holds no videos"):
        match_cases(tmp_path, CASES)
    touch(tmp_path, "a.mp4", "b.mp4")
    with pytest.raises(VeraError, match=r"none of its 2 videos has the name of a case, such as one_0\.mp4"):
        match_cases(tmp_path, CASES)

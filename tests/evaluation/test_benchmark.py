"""Whole runs on a small benchmark: complete, resumable after any kill, the same whoever works on it."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.conftest import small_disk
from tests.evaluation.benchmarks import RATE, make_benchmark, texture

from vera.errors import VeraError
from vera.evaluation import benchmark as running
from vera.evaluation.benchmark import evaluate_benchmark
from vera.evaluation.cases.benchmark import read_benchmark
from vera.evaluation.judges import read_judged_cases
from vera.evaluation.predictions.collect import RECORDS, read_records
from vera.video import read_lossless, write_lossless

NAMES = ["one", "two", "three"]
QUICK = ("psnr_preserved", "psnr_frame", "ssim_frame", "tf", "iou", "mae", "residual", "dtssd", "warp_excess")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_benchmark(tmp_path / "benchmark", NAMES)


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Somebody's videos: one as it should be, one at another rate and size, one missing."""
    found = tmp_path / "videos"
    found.mkdir()
    write_lossless(found / "One_0.mkv", texture(0), RATE)
    write_lossless(found / "two_0.mp4", texture(1, 20, 96, 128), RATE * 2)
    write_lossless(found / "four_0.mp4", texture(1), RATE)
    return found


def run(out: Path, folder: Path, methods: list[str], **options: object) -> tuple[str, list[str]]:
    told: list[str] = []
    options = {"metrics": QUICK, "workers": 1, "report": told.append} | options
    return evaluate_benchmark(str(folder), out, methods, **options), told  # type: ignore[arg-type]


@pytest.mark.faults
def test_a_full_disk_ends_the_run_and_is_no_failure_of_the_method(tmp_path: Path, folder: Path, model: str) -> None:
    """The cases to come would be edited for nothing, and the tables be empty, without a word."""
    methods = [f"tiny={model},steps=1"]
    with small_disk(4000), pytest.raises(VeraError, match=os.strerror(errno.EFBIG)):
        run(tmp_path / "run", folder, methods)
    assert read_records(tmp_path / "run") == []
    run(tmp_path / "run", folder, methods)
    assert all(record.measures for record in read_records(tmp_path / "run"))


def test_methods_side_by_side(tmp_path: Path, folder: Path, videos: Path, model: str) -> None:
    methods = ["truth", "empty", f"mine={videos}", f"tiny={model},steps=1,seed=3"]
    text, told = run(tmp_path / "run", folder, methods)
    assert "| measure | target | truth | empty | mine | tiny |" in text
    assert "Object addition, 2 cases" in text and "Background replacement, 1 cases" in text
    assert told == [
        "mine: 2 of 3 cases have a clip; three_0: there is no clip of its name",
        "mine: 1 videos have no case's name: four_0.mp4",
    ]
    rows = {line.split(" | ")[0].strip("| "): line for line in text.split("Background")[0].splitlines()}
    preserved = [cell.strip() for cell in rows["PSNR, preserved region (dB) ↑"].strip("|").split("|")][2:]
    assert preserved[0] == preserved[1] == "100.0 [100.0, 100.0]", "the truth and the source"
    assert preserved[2].endswith("(1 cases)")
    assert "not available" in rows["compositing residual (levels) ↓"]
    assert "not available: everything (mine; case three_0): there is no clip of its name" in text
    assert "the method gives a finished clip, no layers" in text
    assert "truth: of " in text and " 0 changed." in text

    cases = read_judged_cases(tmp_path / "run" / "edits.jsonl")
    assert {(case.case, case.method) for case in cases} == {
        (f"{name}_0", method) for name in NAMES for method in ("truth", "empty", "mine", "tiny")
    } - {("three_0", "mine")}
    asked = {case.id: case for case in read_benchmark(str(folder))}
    for row in map(json.loads, (tmp_path / "run" / "edits.jsonl").read_text().splitlines()):
        white = read_lossless(tmp_path / "run" / row["preserved"])
        alpha = asked[row["case"]].alpha
        assert alpha is not None and np.array_equal(white == 255, read_lossless(alpha) == 0)
        assert (tmp_path / "run" / row["source"]).is_file()
        assert ("layers" in row) == (row["method"] != "mine")
    assert (tmp_path / "run" / "edits" / "tiny" / "two_0" / "layers" / "manifest.json").is_file()


def test_an_edit_of_ours_measured_as_anybodys(tmp_path: Path, folder: Path, model: str) -> None:
    run(tmp_path / "one", folder, [f"tiny={model},steps=1"])
    run(tmp_path / "other", folder, [f"tiny={tmp_path / 'one' / 'edits' / 'tiny'}"])
    one, other = (read_records(tmp_path / name) for name in ("one", "other"))
    assert [(record.case, record.measures) for record in one] == [(record.case, record.measures) for record in other]


@pytest.mark.faults
def test_a_folder_of_pictures_is_measured_and_judged_as_a_file(tmp_path: Path, folder: Path) -> None:
    pictures = tmp_path / "pictures" / "two_0"
    pictures.mkdir(parents=True)
    for number, picture in enumerate(texture(1)):
        cv2.imwrite(str(pictures / f"{number:03}.png"), picture[..., ::-1])
    run(tmp_path / "run", folder, [f"mine={pictures.parent}"], metrics=("psnr_frame", "vmaf", "xpsnr"))
    measured = {record.case: record for record in read_records(tmp_path / "run")}["two_0"]
    assert measured.measures.keys() == {"psnr_frame", "vmaf", "xpsnr"} and not measured.skipped
    (judged,) = read_judged_cases(tmp_path / "run" / "edits.jsonl")
    assert judged.case == "two_0" and judged.result.name == "result.mkv"


@pytest.mark.faults
@pytest.mark.parametrize("method", ["truth", "empty"])
def test_a_true_composite_of_another_length_is_one_line(tmp_path: Path, folder: Path, method: str) -> None:
    composite = read_benchmark(str(folder))[0].composite
    assert composite is not None
    write_lossless(composite, texture(0, frames=9), RATE)
    with pytest.raises(VeraError, match=r"0-composite_path\.mkv: has 9 frames of 64x48, .*of one size and length$"):
        run(tmp_path / "run", folder, [method])


@pytest.mark.faults
def test_a_true_edit_layer_of_another_length_is_told(tmp_path: Path, folder: Path) -> None:
    edit = read_benchmark(str(folder))[0].edit
    assert edit is not None
    write_lossless(edit, texture(0, frames=9), RATE)
    text, _ = run(tmp_path / "run", folder, ["truth"])
    assert "0-edit_rgb_path.mkv: has 9 frames of 64x48" in text


def test_a_second_run_does_only_what_is_new(
    tmp_path: Path, folder: Path, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, methods = tmp_path / "run", ["truth", f"mine={videos}"]
    text, _ = run(out, folder, methods)
    records = (out / RECORDS).read_text()
    assert run(out, folder, methods)[0] == text
    assert (out / RECORDS).read_text() == records
    write_lossless(videos / "three_0.mkv", texture(2), RATE)
    write_lossless(videos / "One_0.mkv", texture(5), RATE)
    run(out, folder, methods)
    new = [json.loads(line) for line in (out / RECORDS).read_text()[len(records) :].splitlines()]
    assert sorted((row["case"], row["method"]) for row in new) == [("one_0", "mine"), ("three_0", "mine")]
    monkeypatch.setattr("vera.evaluation.predictions.clips.run_clip", None)  # nothing is left to do
    run(out, folder, methods)


@pytest.mark.faults
def test_a_method_that_takes_anothers_folder_takes_its_place_among_the_edits(tmp_path: Path, folder: Path) -> None:
    run(tmp_path / "run", folder, ["a b=empty"])
    run(tmp_path / "run", folder, ["a_b=truth"])
    assert {case.method for case in read_judged_cases(tmp_path / "run" / "edits.jsonl")} == {"a_b"}


def test_workers_make_no_difference(tmp_path: Path, folder: Path, videos: Path) -> None:
    texts = [
        run(tmp_path / str(workers), folder, ["truth", f"mine={videos}"], workers=workers)[0] for workers in (1, 2)
    ]
    assert texts[0] == texts[1]


def test_folders_of_other_runs_and_metrics_are_refused(tmp_path: Path, folder: Path) -> None:
    run(tmp_path / "run", folder, ["truth"])
    with pytest.raises(VeraError, match=r"holds the records of a run with another metrics: name another folder"):
        run(tmp_path / "run", folder, ["truth"], metrics=("tf",))
    with pytest.raises(VeraError, match=r"holds the records of a run with another fingerprint: name another folder"):
        run(tmp_path / "run", folder, ["truth"], count=1)
    with pytest.raises(VeraError, match="there is no metric 'beauty'; there are psnr_preserved"):
        run(tmp_path / "new", folder, ["truth"], metrics=("beauty",))
    with pytest.raises(VeraError, match="workers must be at least 1"):
        run(tmp_path / "new", folder, ["truth"], workers=0)


def test_learned_metrics_without_weights_say_so(tmp_path: Path, folder: Path) -> None:
    text, _ = run(tmp_path / "run", folder, ["truth"], metrics=("psnr_frame", "lpips_frame", "oc", "osc"))
    for option in ("lpips", "dino", "videoclip"):
        assert f"no weights were named: give their folder or model of the hub with --{option}" in text
    assert "| LPIPS, whole frame ↓ |  | not available |" in text


def test_as_many_processes_as_gpus_where_a_model_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    assert running._gpus([running.ModelMethod("nano", "nano")]) == 3
    assert running._gpus([]) is None


@pytest.mark.slow
@pytest.mark.faults
def test_killed_at_any_moment_it_repeats_nothing_and_prints_the_same(tmp_path: Path) -> None:
    folder = make_benchmark(tmp_path / "many", [f"case{number}" for number in range(12)])
    command = [sys.executable, "-m", "vera", "evaluate", "run", str(folder), "--method", "truth", "--method", "empty"]
    command += ["--workers", "2", "--metrics", *QUICK, "--out"]

    def table(out: Path) -> str:
        printed = subprocess.run([*command, str(out)], check=True, capture_output=True, text=True).stdout
        return printed.rpartition("edits ")[0]  # which is in another folder

    whole = table(tmp_path / "whole")
    out, rng, seen = tmp_path / "killed", random.Random(0), 0
    for _ in range(4):
        process = subprocess.Popen([*command, str(out)], start_new_session=True, stdout=subprocess.DEVNULL)
        start = time.monotonic()
        while process.poll() is None and time.monotonic() < start + 120 and rows(out) <= seen:
            time.sleep(0.02)
        time.sleep(rng.random() / 4)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        seen = rows(out)
    assert 0 < seen < 24, "the kills came while it worked"
    assert table(out) == whole
    places = [(record.case, record.method) for record in read_records(out)]
    assert len(places) == len(set(places)) == 24, "no case was done twice"


def rows(out: Path) -> int:
    path = out / RECORDS
    return path.read_bytes().count(b"\n") if path.is_file() else 0

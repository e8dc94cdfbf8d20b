"""Results that are whole, once, and nobody else's."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.forks import SERVER

from vera.errors import VeraError
from vera.jobs.results import clear, made, with_results


def writing(text: str = "a") -> Any:
    def run(out: Path) -> dict[str, Any]:
        (out / "file").write_text(text)
        return {"text": text}

    return run


def forbidden(out: Path) -> dict[str, Any]:
    raise AssertionError("was run")


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_whole_and_once(tmp_path: Path) -> None:
    assert with_results(tmp_path, "j", "takes/t", writing()) == {"text": "a"}
    assert names(tmp_path) == ["takes", "takes/t", "takes/t/file", "takes/t/job.json"]
    assert with_results(tmp_path, "j", "takes/t", forbidden) == {"text": "a"}  # it could not say so
    assert made(tmp_path / "takes/t", "j") == {"text": "a"} and made(tmp_path / "takes/t", "k") is None


@pytest.mark.faults
def test_what_results_belong_to_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="is no longer in the workspace"):
        with_results(tmp_path, "j", "projects/deleted/takes/t", forbidden)
    assert names(tmp_path) == []


def test_another_job_takes_its_place(tmp_path: Path) -> None:
    with_results(tmp_path, "j", "x", writing())
    assert with_results(tmp_path, "k", "x", writing("b")) == {"text": "b"}
    assert (tmp_path / "x/file").read_text() == "b" and names(tmp_path) == ["x", "x/file", "x/job.json"]


def test_failure_leaves_nothing_and_harms_nothing(tmp_path: Path) -> None:
    def fail(out: Path) -> dict[str, Any]:
        (out / "half").write_text("half")
        raise OSError(28, "No space left on device")

    with_results(tmp_path, "j", "x", writing())
    for out in ("x", "y", None):
        with pytest.raises(OSError, match="No space"):
            with_results(tmp_path, "k", out, fail)
    assert names(tmp_path) == ["scratch", "x", "x/file", "x/job.json"]


def test_one_that_was_taken_for_lost_comes_first(tmp_path: Path) -> None:
    """Two workers on one job: the second was given it as the first was silent, and the first ends first."""

    def overtaken(out: Path) -> dict[str, Any]:
        (out / "file").write_text("late")
        with_results(tmp_path, "j", "x", writing("early"))
        return {"text": "late"}

    assert with_results(tmp_path, "j", "x", overtaken) == {"text": "early"}
    assert (tmp_path / "x/file").read_text() == "early" and names(tmp_path) == ["x", "x/file", "x/job.json"]


def test_files_that_no_job_made(tmp_path: Path) -> None:
    (tmp_path / "clips/c").mkdir(parents=True)
    (tmp_path / "clips/c/clip.json").write_text("{}")
    (tmp_path / "file").write_text("mine")
    for out in ("clips", "clips/c", "file"):
        with pytest.raises(VeraError, match="holds what no job made"):
            with_results(tmp_path, "j", out, forbidden)
    (tmp_path / "empty").mkdir()
    assert with_results(tmp_path, "j", "empty", writing())


@pytest.mark.parametrize("out", ["..", "../x", "/tmp/x", ".", "", "a/../../x", "C:\\x", "link/x"])
def test_places_outside(tmp_path: Path, out: str) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/link").symlink_to(tmp_path)
    with pytest.raises(VeraError, match="folder"):
        with_results(tmp_path / "workspace", "j", out, forbidden)


@pytest.mark.parametrize("mark", ["", "[]", "{", '{"job": 1}', "null"])
def test_a_damaged_mark(tmp_path: Path, mark: str) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x/job.json").write_text(mark)
    try:
        with_results(tmp_path, "j", "x", writing())
    except VeraError as error:
        assert "job.json" in str(error)
    else:
        assert json.loads((tmp_path / "x/job.json").read_text())["job"] == "j"


def half_written(folder: Path) -> None:
    with_results(folder, "j", "takes/t", lambda out: os._exit((out / "half").write_text("half")))


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    process = SERVER.Process(target=half_written, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == len("half")
    assert len(names(tmp_path / "takes")) == 2
    clear(tmp_path, "takes/t")
    clear(tmp_path, "../nowhere")
    clear(tmp_path, None)
    assert names(tmp_path) == ["takes"]

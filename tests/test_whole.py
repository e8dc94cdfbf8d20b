"""Files and folders that are whole or not there, whoever is killed, and whatever their names are."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from tests.conftest import small_disk

from vera.errors import VeraError
from vera.whole import scratch_folder, whole_file, whole_folder, whole_name

pytestmark = pytest.mark.faults


def test_a_file_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "a.b.txt"
    out.write_text("old")
    with whole_file(out) as partial:
        partial.write_text("new")
        assert partial.suffix == ".txt" and out.read_text() == "old"
    assert out.read_text() == "new" and list(tmp_path.iterdir()) == [out]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    out.write_text("old")
    with pytest.raises(RuntimeError), whole_file(out) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert out.read_text() == "old" and list(tmp_path.iterdir()) == [out]


def test_two_writers_of_one_name_do_not_meet(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with whole_folder(out) as first, whole_folder(out) as second:
        (first / "a").write_text("first")
        (second / "a").write_text("second")
        (first / "b").write_text("first")
    assert {path.name: path.read_text() for path in out.iterdir()} == {"a": "first", "b": "first"}
    assert list(tmp_path.iterdir()) == [out]


def test_a_symbolic_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "folder").symlink_to("scratch")
    (tmp_path / "file").symlink_to("scratch/file")
    for text in ("one", "two"):
        with whole_folder(tmp_path / "folder") as partial:
            (partial / "file").write_text(text)
        assert (tmp_path / "file").read_text() == text
        with whole_file(tmp_path / "file") as partial:
            partial.write_text(text * 2)
        assert (tmp_path / "scratch/file").read_text() == text * 2
    assert (tmp_path / "folder").is_symlink() and (tmp_path / "file").is_symlink()


def test_a_planted_name_is_not_written_to(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / ".out.partial.txt").symlink_to(victim)
    (tmp_path / ".out.0a1b2c3d.vera-partial.txt").symlink_to(victim)
    with whole_file(tmp_path / "out.txt") as partial:
        partial.write_text("ours")
    assert victim.read_text() == "mine"


def test_what_others_put_into_a_replaced_folder_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    for name in ("ours", "theirs", "sub/ours", "sub/theirs"):
        (out / name).write_text("old")
    with whole_folder(out, lambda folder: ("ours", "sub/ours")) as partial:
        (partial / "new").write_text("new")
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()) == [
        "new",
        "sub/theirs",
        "theirs",
    ]


@pytest.mark.parametrize("kind", ["whole_file", "whole_folder"])
def test_what_a_killed_run_left_is_removed_and_a_living_ones_is_not(tmp_path: Path, kind: str) -> None:
    program = (
        "import pathlib, sys, time\nfrom vera import whole\n"
        f"with whole.{kind}(pathlib.Path(sys.argv[1])): print(1, flush=True), time.sleep(60)"
    )
    run = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "out.x")], stdout=subprocess.PIPE)
    assert run.stdout is not None and run.stdout.readline()
    make = whole_file if kind == "whole_file" else whole_folder
    with make(tmp_path / "out.x"):
        assert len(list(tmp_path.iterdir())) == 2
    assert len(list(tmp_path.iterdir())) == 2
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    run.stdout.close()
    with make(tmp_path / "out.x"):
        assert len(list(tmp_path.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["out.x"]


def test_a_scratch_folder_is_gone_in_the_end_and_may_be_moved_away_before(tmp_path: Path) -> None:
    with scratch_folder(tmp_path / "a") as scratch:
        (scratch / "file").write_text("1")
        assert scratch.parent == tmp_path
    assert not list(tmp_path.iterdir())
    with scratch_folder(tmp_path / "a") as scratch:
        scratch.rename(tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_folder_of_ours_can_be_written_in_as_any_other(tmp_path: Path) -> None:
    with scratch_folder(tmp_path / "a") as scratch:
        with whole_folder(scratch / "inside") as partial, whole_file(partial / "file") as file:
            file.write_text("1")
        assert (scratch / "inside" / "file").read_text() == "1"


@pytest.mark.parametrize("killed_at", [1, 2])
def test_a_replacement_killed_between_its_renames_is_finished(tmp_path: Path, killed_at: int) -> None:
    out, old = tmp_path / "out", tmp_path / ".out.vera-old"
    out.mkdir()
    (out / "theirs").write_text("theirs")
    (out / "ours").write_text("old")
    out.rename(old)
    if killed_at == 2:
        out.mkdir()
        (out / "ours").write_text("new")
    with pytest.raises(RuntimeError), whole_folder(out, lambda folder: ("ours",)):
        raise RuntimeError
    assert (out / "theirs").read_text() == "theirs"
    assert (out / "ours").read_text() == ("old" if killed_at == 1 else "new")
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.faults
@pytest.mark.parametrize(
    "name", ["l" * 255, "l" * 251 + ".mp4", "\u65e5" * 85, "." + "s" * 250, "a." + "s" * 250], ids=len
)
def test_names_as_long_as_they_may_be(tmp_path: Path, name: str) -> None:
    """Names of partial files and of former folders fit as well, and what a killed run left is still found."""
    for content in ("one", "two"):
        with whole_file(tmp_path / name) as partial:
            partial.write_text(content)
        assert (tmp_path / name).read_text() == content
        partial.write_text("left by a killed run")
    with whole_file(tmp_path / name):
        pass
    (tmp_path / name).unlink()
    for content in ("one", "two"):
        with whole_folder(tmp_path / name, lambda former: ["ours"]) as partial:
            (partial / "ours").write_text(content)
        (tmp_path / name / "theirs").write_text("kept")
    assert (tmp_path / name / "ours").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.faults
def test_a_link_to_a_name_of_another_suffix(tmp_path: Path) -> None:
    link = tmp_path / "a.mkv"
    link.symlink_to("target")
    with whole_file(link) as partial:
        assert partial.suffix == ".mkv"
        partial.write_text("x")
    assert link.is_symlink() and (tmp_path / "target").read_text() == "x"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.faults
def test_a_link_to_what_is_no_file_replaces_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "device")
    (tmp_path / "a").symlink_to("device")
    with pytest.raises(OSError, match="no regular file"), whole_file(tmp_path / "a"):
        pass
    assert (tmp_path / "device").is_fifo() and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("make", [whole_file, whole_folder, scratch_folder])
@pytest.mark.parametrize("kind", [VeraError, OSError])
def test_errors_name_what_is_to_be_and_not_what_it_grows_under(
    make: Callable[[Path], AbstractContextManager[Path]],
    kind: type[Exception],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    out = Path("shot.v2")  # as it was given: relative
    with pytest.raises(kind) as caught, make(out) as partial:
        inside = partial / "layer.mov" if partial.is_dir() else partial
        raise OSError(28, "No space left", str(inside)) if kind is OSError else VeraError(f"{inside}: is odd")
    assert "shot.v2" in str(caught.value) and "vera-partial" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.faults
@pytest.mark.parametrize("make", [whole_file, whole_folder, scratch_folder])
def test_a_full_disk_names_what_is_to_be(tmp_path: Path, make: Callable[[Path], AbstractContextManager[Path]]) -> None:
    """The system itself does not tell which file a write was to."""
    with (
        pytest.raises(OSError, match=r"'.*/made\.txt'$") as told,
        make(tmp_path / "made.txt") as partial,
        small_disk(9),
    ):
        (partial / "text" if partial.is_dir() else partial).write_bytes(bytes(10))
    assert "partial" not in str(told.value) and not list(tmp_path.iterdir())


def test_a_path_in_a_partial_folder_tells_what_it_will_be(tmp_path: Path) -> None:
    for name in ("shot", "shot.v2", "two\nlines", ".hidden"):
        with whole_folder(tmp_path / name) as partial, whole_file(partial / "layer.mov") as file:
            assert whole_name(file) == tmp_path / name / "layer.mov"
    assert whole_name(Path("a/.b.mov")) == Path("a/.b.mov")

"""Whatever adds to a folder does so alone: of two processes with one output the second is told so, in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.data.drawn_samples import open_drawn
from tests.data.latents.caches import write as write_shards
from tests.forks import SERVER

from vera.construction.rendering.render import make_renders
from vera.construction.writer import write_samples
from vera.data.released.writer import begun_cases
from vera.errors import VeraError
from vera.evaluation.judges.rows import judging
from vera.evaluation.predictions.run import keep_to
from vera.resumable import alone_in

pytestmark = pytest.mark.faults


def render(folder: Path) -> None:
    unused: Any = None
    make_renders(folder, 1, renderer=unused, models=unused, panoramas=unused)


def begin_cases(folder: Path) -> None:
    with begun_cases(folder, "note.json", {}, "cases"):
        raise AssertionError


def evaluate(folder: Path) -> None:
    with keep_to(folder, {}, []):
        raise AssertionError


def judge(folder: Path) -> None:
    with judging(folder.with_name("judged"), "one"):
        raise AssertionError


WORK: dict[str, Callable[[Path], object]] = {
    "samples": lambda folder: write_samples(open_drawn, 2, 7, folder),
    "shards": write_shards,
    "renders": render,
    "cases": begin_cases,
    "run": evaluate,
    "judge": judge,
}


def hold(folder: Path, begun: Any, ended: Any) -> None:
    with alone_in(folder), judging(folder.with_name("judged"), "one"):
        begun.set()
        ended.wait()


def contents(folder: Path) -> list[tuple[Path, bytes]]:
    return sorted((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file())


def test_a_second_process_is_refused_and_leaves_the_folder_as_it_is(tmp_path: Path) -> None:
    folder, begun, ended = tmp_path / "out", SERVER.Event(), SERVER.Event()
    first = SERVER.Process(target=hold, args=(folder, begun, ended))
    first.start()
    begun.wait()
    before = contents(folder)
    for name, work in WORK.items():
        with pytest.raises(VeraError, match="another process") as told:
            work(folder)
        assert "\n" not in str(told.value) and contents(folder) == before, name
    with judging(folder.with_name("judged"), "another"):  # two judges at once are fine
        pass
    ended.set()
    first.join()
    assert write_samples(open_drawn, 2, 7, folder) == 2


def test_a_process_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    begun, ended = SERVER.Event(), SERVER.Event()
    first = SERVER.Process(target=hold, args=(tmp_path, begun, ended))
    first.start()
    begun.wait()
    first.kill()
    first.join()
    with alone_in(tmp_path):
        pass

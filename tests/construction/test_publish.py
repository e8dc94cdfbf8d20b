"""Samples on other storages: whole, the same, only what is new, and never a row without its clips."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from tests.construction.crossing import write_footage, write_recipe

from vera.cli import main
from vera.construction.construct import build_samples
from vera.construction.publish import HELD, publish
from vera.errors import VeraError

URL = "memory://bucket/set"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    write_footage(folder / "footage", 1, 2)
    build_samples(write_recipe(folder / "r.yaml"), folder / "out", unattended=True)
    return folder


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    MemoryFileSystem.store.clear()
    yield fsspec.filesystem("memory")
    MemoryFileSystem.store.clear()


def local(root: Path) -> dict[str, bytes]:
    dataset = root / "out/dataset"
    return {path.relative_to(dataset).as_posix(): path.read_bytes() for path in dataset.rglob("*") if path.is_file()}


def stored(memory: MemoryFileSystem) -> dict[str, bytes]:
    return {path.removeprefix("/bucket/set/"): memory.cat_file(path) for path in memory.find("/bucket/set")}


def is_sound(held: dict[str, bytes], root: Path) -> bool:
    """Whether every row names clips that are there, and are its own."""
    own, sound = local(root), True
    for path, text in held.items():
        if path.endswith(".jsonl"):
            for line in text.decode().splitlines():
                clips = [value for name, value in json.loads(line).items() if name.endswith("_path") and value]
                sound &= all(held.get(clip) == own[clip] for clip in clips)
    return sound


def test_all_storages_get_the_same_files_once(root: Path, memory: MemoryFileSystem, tmp_path: Path) -> None:
    assert publish(root / "out", URL) == (2, 8)
    held = stored(memory)
    assert set(json.loads(held.pop(HELD))["clips"]) == {path for path in held if path.endswith(".mp4")}
    assert held == local(root)
    assert publish(root / "out", URL) == (2, 0)
    assert publish(root / "out", f"file://{tmp_path}/set") == (2, 8)
    there = {
        path.relative_to(tmp_path / "set").as_posix(): path.read_bytes() for path in (tmp_path / "set").rglob("*.*")
    }
    assert {path: text for path, text in there.items() if path != HELD} == held


@pytest.mark.parametrize("after", range(0, 13, 2))
def test_whatever_stops_it_rows_are_sound_and_it_goes_on(
    root: Path, memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    real, count = MemoryFileSystem.open, 0

    def failing(self: MemoryFileSystem, path: str, mode: str = "rb", **more: Any) -> Any:
        nonlocal count
        count += mode == "wb"
        if count > after:
            raise OSError("the connection is gone\nsecond line")
        return real(self, path, mode, **more)

    with monkeypatch.context() as patched:
        patched.setattr(MemoryFileSystem, "open", failing)
        if after < 11:
            with pytest.raises(VeraError, match=r"memory://bucket/set: cannot be written \(.*connection is gone\)"):
                publish(root / "out", URL)
        else:
            publish(root / "out", URL)
    assert is_sound(stored(memory), root)
    assert publish(root / "out", URL)[0] == 2
    held = stored(memory)
    del held[HELD]
    assert held == local(root)


def test_rows_go_before_their_clips_change(
    root: Path, memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(root / "out", URL)
    held = stored(memory)
    victim = next(path for path in held if path.endswith("_input.mp4"))
    other = json.loads(held[HELD])
    other["clips"][victim] = "0" * 64  # as of another run of the clip
    memory.pipe_file(f"/bucket/set/{victim}", b"other")
    memory.pipe_file(f"/bucket/set/{HELD}", json.dumps(other).encode())

    def gone(self: Any, file: Path, path: str) -> None:
        raise OSError("gone")

    with monkeypatch.context() as patched:
        patched.setattr("vera.construction.publish._Storage.send", gone)
        with pytest.raises(VeraError, match="gone"):
            publish(root / "out", URL)
    text = next(value for path, value in stored(memory).items() if path.endswith(".jsonl")).decode()
    assert len(text.splitlines()) == 1 and victim not in text
    assert publish(root / "out", URL) == (2, 1)
    assert is_sound(stored(memory), root)


def test_what_no_row_names_any_more_goes(root: Path, memory: MemoryFileSystem) -> None:
    publish(root / "out", URL)
    held = json.loads(stored(memory)[HELD])
    memory.pipe_file("/bucket/set/old.mp4", b"old")
    memory.pipe_file("/bucket/set/mine.txt", b"not of this")
    held["clips"]["old.mp4"] = "0"
    memory.pipe_file(f"/bucket/set/{HELD}", json.dumps(held).encode())
    publish(root / "out", URL)
    assert "old.mp4" not in stored(memory) and "mine.txt" in stored(memory)


@pytest.mark.faults
def test_rows_of_an_index_that_is_gone_go_with_their_clips(memory: MemoryFileSystem, tmp_path: Path) -> None:
    write_footage(tmp_path / "footage", 1)
    recipe = write_recipe(tmp_path / "r.yaml")
    build_samples(recipe, tmp_path / "out", unattended=True)
    publish(tmp_path / "out", URL)
    recipe.write_text(recipe.read_text(encoding="utf-8").replace("frames: 17", "frames: 13"), encoding="utf-8")
    build_samples(recipe, tmp_path / "out", unattended=True)
    assert publish(tmp_path / "out", URL)[0] == 1
    held = stored(memory)
    assert is_sound(held, tmp_path)
    assert sum(len(text.splitlines()) for path, text in held.items() if path.endswith(".jsonl")) == 1


@pytest.mark.faults
def test_a_place_is_of_one_build(root: Path, memory: MemoryFileSystem, tmp_path: Path) -> None:
    publish(root / "out", URL)
    before = stored(memory)
    write_footage(tmp_path / "footage", 3)
    build_samples(write_recipe(tmp_path / "r.yaml"), tmp_path / "out", unattended=True)
    old = json.dumps(json.loads(before[HELD])["clips"]).encode()  # as earlier versions wrote it
    for held in (before[HELD], old):
        memory.pipe_file(f"/bucket/set/{HELD}", held)
        with pytest.raises(VeraError, match="holds the samples of another build"):
            publish(tmp_path / "out", URL)
        assert stored(memory) == {**before, HELD: held}
    assert publish(root / "out", URL) == (2, 0) and stored(memory) == before
    memory.pipe_file(f"/bucket/set/{HELD}", b'{"../victim.mp4": "0"}')
    memory.pipe_file("/bucket/victim.mp4", b"precious")
    with pytest.raises(VeraError, match="is not as vera data build publish wrote it"):
        publish(root / "out", URL)
    assert memory.exists("/bucket/victim.mp4")


@pytest.mark.faults
def test_a_copy_is_another_build_and_a_moved_one_the_same(root: Path, memory: MemoryFileSystem, tmp_path: Path) -> None:
    shutil.copytree(root / "footage", tmp_path / "footage")
    shutil.copytree(root / "out", tmp_path / "out")
    (tmp_path / "out/name").unlink(missing_ok=True)
    assert publish(tmp_path / "out", URL) == (2, 8)
    shutil.copytree(tmp_path / "out", tmp_path / "copy")
    for _ in range(2):
        with pytest.raises(VeraError, match="holds the samples of another build"):
            publish(tmp_path / "copy", URL)
    assert publish(tmp_path / "copy", f"{URL}-2") == (2, 8)
    (tmp_path / "out").rename(tmp_path / "moved")
    (tmp_path / "link").symlink_to(tmp_path / "moved")
    for _ in range(2):
        assert publish(tmp_path / "moved", URL) == publish(tmp_path / "link", URL) == (2, 0)
    shutil.copytree(tmp_path / "moved", tmp_path / "out")  # where it was before
    with pytest.raises(VeraError, match="holds the samples of another build"):
        publish(tmp_path / "out", URL)
    name = tmp_path / "moved/name"
    name.write_text(name.read_text().split("\n")[0])  # as an earlier version wrote it
    assert publish(tmp_path / "moved", URL) == (2, 0)


@pytest.mark.faults
def test_rows_and_clips_of_other_sets_stay(root: Path, memory: MemoryFileSystem) -> None:
    own = next(path for path in local(root) if path.endswith(".jsonl"))
    mine = {
        own: b'{"edit_instruction": "Add a ball.", "input_video_path": "a.mp4"}\n\xff\n',
        own.replace("realistic", "synthetic"): b"no row\n",
        own.replace(".jsonl", "/a.mp4"): b"a clip",
    }
    for path, text in mine.items():
        memory.pipe_file(f"/bucket/set/{path}", text)
    publish(root / "out", URL)
    held = stored(memory)
    assert held[own] == mine[own] + local(root)[own]
    assert {path: held[path] for path in mine if path != own} == {path: mine[path] for path in mine if path != own}
    assert publish(root / "out", URL) == (2, 0) and stored(memory) == held


@pytest.mark.faults
@pytest.mark.parametrize("name", ["set[1]", "s*t", "a ? {b}"])
def test_the_root_is_no_pattern(tmp_path: Path, name: str) -> None:
    write_footage(tmp_path / "footage", 1)
    recipe, to = write_recipe(tmp_path / "r.yaml"), f"file://{tmp_path}/{name}"
    build_samples(recipe, tmp_path / "out", unattended=True)
    publish(tmp_path / "out", to)
    recipe.write_text(recipe.read_text(encoding="utf-8").replace("frames: 17", "frames: 13"), encoding="utf-8")
    build_samples(recipe, tmp_path / "out", unattended=True)
    publish(tmp_path / "out", to)
    there = tmp_path / name
    rows = [line for path in there.rglob("*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()]
    clips = [value for row in map(json.loads, rows) for key, value in row.items() if key.endswith("_path") and value]
    assert len(rows) == 1 and all((there / clip).is_file() for clip in clips)


def test_the_command(root: Path, memory: MemoryFileSystem, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["data", "build", "publish", str(root / "out"), "--to", URL]) == 0
    assert "2 samples" in capsys.readouterr().out
    assert main(["data", "build", "publish", str(tmp_path), "--to", URL]) == 2
    assert main(["data", "build", "publish", str(root / "out"), "--to", "nowhere://bucket"]) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 2 and "holds no build" in error[0] and "nowhere://bucket" in error[1]

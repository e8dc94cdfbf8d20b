"""The folder of a test set: what was stopped before it was noted is begun anew, and strangers' folders are refused."""

import errno
from pathlib import Path

import pytest

from vera import resumable
from vera.data.released.writer import begun_cases
from vera.errors import VeraError

pytestmark = pytest.mark.faults


def test_a_full_disk_or_a_kill_at_the_very_beginning_spoils_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    root = tmp_path / "cases"
    with monkeypatch.context() as full:
        full.setattr(resumable, "write_text", refuse)
        with pytest.raises(OSError, match="No space left"), begun_cases(root, "note.json", {"count": 2}, "cases"):
            pass
    root.mkdir(exist_ok=True)
    for name in (".lock", ".note.0123abcd.vera-partial.json"):
        (root / name).touch()
    with begun_cases(root, "note.json", {"count": 2}, "cases"):
        assert (root / "note.json").is_file()
    assert [path.name for path in root.iterdir() if path.name.startswith(".")] == []


def test_a_folder_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(VeraError, match="holds something else"), begun_cases(tmp_path, "note.json", {}, "cases"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]

"""Text of strangers, outputs that spare the inputs, and names and digests of files."""

import hashlib
import os
import tracemalloc
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from vera.errors import VeraError
from vera.files import check_outputs, file_hash, json_text, link_or_copy, parse_json, read_json, read_text

pytestmark = pytest.mark.faults


def test_only_text_of_a_sane_size_is_read(tmp_path: Path) -> None:
    giant = tmp_path / "giant.json"
    with giant.open("wb") as file:
        file.truncate(100 << 30)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "latin").write_bytes(b"\xe9")
    (tmp_path / "bom.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    for path in (giant, Path("/dev/zero"), tmp_path / "latin", tmp_path, tmp_path / "missing"):
        with pytest.raises(VeraError, match=str(path)):
            read_text(path)
    assert read_json(tmp_path / "bom.json") == {"a": 1}


def test_a_digest_is_of_files_of_any_size_and_holds_none_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    content = bytes(range(256)) * (1 << 17)
    path.write_bytes(content)
    expected = hashlib.sha256(content).hexdigest()
    tracemalloc.start()
    try:
        assert file_hash(path) == expected
        assert tracemalloc.get_traced_memory()[1] < len(content) / 16
    finally:
        tracemalloc.stop()
    os.mkfifo(tmp_path / "fifo")
    for wrong in (tmp_path / "fifo", tmp_path, tmp_path / "missing", Path("a\0b")):
        with pytest.raises(VeraError):
            file_hash(wrong)


@pytest.mark.parametrize("text", ["[" * 100_000, "{", '{"a": ' + "9" * 5000 + "}", ""])
def test_json_of_strangers_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(VeraError, match=r"a\.json: is not JSON"):
        read_json(path)


def test_a_loop_of_links_is_refused_in_a_line(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    check_outputs([loop], [loop, tmp_path / "out"])
    with pytest.raises(VeraError, match="cannot be read"):
        read_text(loop)


def test_outputs_spare_inputs(tmp_path: Path) -> None:
    mask, link, hard = tmp_path / "mask.mp4", tmp_path / "link.mp4", tmp_path / "hard.mp4"
    mask.write_text("mask")
    link.symlink_to(mask)
    hard.hardlink_to(mask)
    for out in (mask, link, hard, tmp_path / "x" / ".." / "mask.mp4", tmp_path):
        with pytest.raises(VeraError, match="choose another"):
            check_outputs([mask, None], [out])
    with pytest.raises(VeraError, match="two outputs"):
        check_outputs([mask], [tmp_path / "a", None, tmp_path / "." / "a"])
    with pytest.raises(VeraError, match="outside of the other"):
        check_outputs([mask], [tmp_path / "folder" / "a.png", tmp_path / "folder"])
    check_outputs([mask], [tmp_path / "other.mp4", tmp_path / "folder", None])


@pytest.mark.faults
@given(st.recursive(st.text() | st.binary().map(os.fsdecode), st.lists))
def test_any_text_and_any_file_name_survive_json_and_fit_into_utf_8(value: object) -> None:
    text = json_text(value)
    text.encode()
    assert parse_json(text, "here") == value


@pytest.mark.faults
def test_json_that_is_nested_beyond_all_use(tmp_path: Path) -> None:
    assert parse_json("[" * 64 + "]" * 64, "here")
    assert parse_json('["' + "[" * 1000 + '\\"[[["]', "here") == ["[" * 1000 + '"[[[']
    for depth in (65, 500, 10**6):
        with pytest.raises(VeraError, match=r"^here: is n"):
            parse_json("[" * depth + "]" * depth, "here")


@pytest.mark.faults
def test_a_second_name_is_of_a_file_and_not_of_the_link_to_it(tmp_path: Path) -> None:
    """As the hub's cache holds its files: links to elsewhere, from where they are."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "a").write_text("content")
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot" / "a.txt").symlink_to("../blobs/a")
    (tmp_path / "far" / "off").mkdir(parents=True)
    link_or_copy(tmp_path / "snapshot" / "a.txt", tmp_path / "far" / "off" / "a.txt")
    assert (tmp_path / "far/off/a.txt").read_text() == "content" and not (tmp_path / "far/off/a.txt").is_symlink()
    assert (tmp_path / "far/off/a.txt").samefile(tmp_path / "blobs/a")

"""Indices and shards that are none: refused in a line, written anew, or a bad sample."""

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.data.latents.caches import BAD, SMALL, assert_same, content, make, write

from vera.data.latents.dataset import ShardReader
from vera.data.latents.writer import Written
from vera.data.sample import BadSample
from vera.errors import VeraError


def changed(**fields: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda index: index | fields


def sample_with(column: int, value: Any) -> Callable[[dict[str, Any]], Any]:
    def change(index: dict[str, Any]) -> Any:
        index["samples"][0][column] = value
        return index

    return change


@pytest.mark.faults
@pytest.mark.parametrize(
    "change",
    [
        lambda index: [],
        lambda index: None,
        lambda index: 3,
        lambda index: {"format": 1},
        changed(format=True),
        changed(format="1"),
        changed(note=[]),
        changed(shards=3),
        changed(shards=["../other/00000000.tar"] * 9),
        changed(shards=["/etc/passwd"] * 9),
        changed(shards=[None] * 9),
        changed(tasks=[["obj_add"]]),
        changed(texts={}),
        changed(texts=[["add", [99, 0, 1, 1]]] * 4),
        changed(texts=[[3, [0, 0, 1, 1]]] * 4),
        changed(shapes=[[3, 4]]),
        changed(shapes=[[3, 4, 1, 8, -8]] * 2),
        changed(shapes=[[3, 4, 1.5, 8, 8]] * 2),
        changed(samples="many"),
        changed(samples=[]),
        changed(samples=[[0, 1, 2]]),
        changed(samples=[{}]),
        sample_with(0, 99),
        sample_with(0, -1),
        sample_with(1, -1),
        sample_with(2, 1e300),
        sample_with(2, 10**30),
        sample_with(2, 1.5),
        sample_with(4, 99),
        sample_with(5, -1),
        sample_with(6, "obj_add"),
    ],
)
def test_an_index_that_is_none_is_refused_in_one_line(cache: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = cache / "train" / "index.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(VeraError, match=r"cache/train") as error:
        ShardReader(cache / "train")
    assert "\n" not in str(error.value)


@pytest.mark.faults
@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "\ud800", "1" * 10_000, "NaN", ""])
def test_an_index_that_is_no_json_is_refused_in_one_line(cache: Path, text: str) -> None:
    (cache / "train" / "index.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(VeraError, match=r"index\.json") as error:
        ShardReader(cache / "train")
    assert "\n" not in str(error.value)


@pytest.mark.faults
@pytest.mark.parametrize(
    "change",
    [
        sample_with(1, 1 << 62),
        sample_with(2, 1 << 62),
        sample_with(2, 0),
        sample_with(3, 0),
        changed(shapes=[[3, 4, 1, 8, 16], [3, 4, 2, 8, 16]]),
    ],
)
def test_a_sample_that_is_not_what_the_index_says_is_a_bad_one(
    cache: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    path = cache / "train" / "index.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(BadSample):
        ShardReader(cache / "train").read(0)


NONSENSE: list[Callable[[dict[str, Any]], Any]] = [
    lambda contents: [],
    lambda contents: {},
    lambda contents: {"keys": contents["keys"]},
    changed(keys=[[0], 1, None]),
    changed(shards=["00000003.tar"]),
    changed(shards=["/etc/passwd"]),
    changed(samples=[[1, 0, 0, 0, 0, 0, 0]]),
    changed(samples="many"),
    changed(texts=[["add", [0, -1, 1, 1]]]),
    changed(bad=[3]),
]


def with_contents(shard: Path, text: bytes) -> None:
    """Write a tar that says so of itself."""
    with tarfile.open(shard, "w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo("__contents__")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))


@pytest.mark.faults
@pytest.mark.parametrize("change", NONSENSE)
def test_a_shard_that_says_nonsense_is_written_anew(cache: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    part, before = cache / "train", content(cache / "train")
    with tarfile.open(part / "00000000.tar") as tar:
        file = tar.extractfile("__contents__")
        assert file is not None
        contents = json.loads(file.read())
    with_contents(part / "00000000.tar", json.dumps(change(contents)).encode())
    assert write(part).new == SMALL
    assert content(part) == before


@pytest.mark.faults
@pytest.mark.parametrize("text", [b"[" * 100_000, b"not json", b"\xff", b""])
def test_a_shard_that_says_no_json_is_written_anew(cache: Path, text: bytes) -> None:
    part, before = cache / "train", content(cache / "train")
    with_contents(part / "00000000.tar", text)
    assert write(part).new == SMALL
    assert content(part) == before


@pytest.mark.parametrize("cut", [1, 1024, 9000])
def test_a_shard_whose_end_is_cut_off_is_written_anew(cache: Path, cut: int) -> None:
    shard, whole = cache / "train" / "00000003.tar", content(cache / "train")
    shard.write_bytes(shard.read_bytes()[:-cut])
    assert write(cache / "train").new == SMALL
    assert content(cache / "train") == whole


def test_other_files_of_a_cache_are_let_alone(cache: Path) -> None:
    names = ("00000001.tar", "3.tar", "0x.tar", "99999999999999999.tar", "00000000.json", "notes.txt")
    for name in names:
        (cache / "train" / name).write_text("of somebody else")
    (cache / "train" / "00000300.tar").symlink_to(cache / "train" / "nowhere")
    assert write(cache / "train") == Written(19, 0, 1)
    assert all((cache / "train" / name).read_text() == "of somebody else" for name in names)
    assert len(ShardReader(cache / "train")) == 19


def test_a_cache_of_before_is_read_and_not_added_to(cache: Path) -> None:
    """Its shards had any number of samples, a text was in the first shard that has it, and JSON lay beside them."""
    part = cache / "train"
    note = json.loads((part / "cache.json").read_text())
    del note["shard_samples"]
    (part / "cache.json").write_text(json.dumps(note))
    index = json.loads((part / "index.json").read_text())
    first: dict[str, int] = {}
    for number, (text, _) in enumerate(index["texts"]):
        first.setdefault(text, number)
    for sample in index["samples"]:
        sample[5] = first[index["texts"][sample[5]][0]]
    (part / "index.json").write_text(json.dumps(index))
    reader = ShardReader(part)
    for number, key in enumerate(key for key in range(20) if key != BAD):
        assert_same(reader.read(number), make(key))
    before = content(part)
    with pytest.raises(VeraError, match=r"train: is a cache of an earlier Vera, to train from; choose another folder"):
        write(part, 30)
    assert content(part) == before


@pytest.mark.faults
def test_what_is_no_file_is_not_waited_for(cache: Path) -> None:
    cache = cache / "train"
    reader = ShardReader(cache)
    for path in cache.glob("*.tar"):
        path.unlink()
        os.mkfifo(path)
    with pytest.raises(BadSample, match="is no regular file"):
        reader.read(0)
    (cache / "empty.safetensors").unlink()
    os.mkfifo(cache / "empty.safetensors")
    with pytest.raises(VeraError, match="regular file"):
        ShardReader(cache)

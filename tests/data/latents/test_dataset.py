import io
import json
import os
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load

from vera.data.latents.dataset import ShardedLayers, ShardReader
from vera.data.latents.writer import Written, write_shards
from vera.data.sample import BadSample, LatentSample
from vera.data.sources import open_layer_data
from vera.errors import VeraError
from vera.training.batches import LatentBatch, Share, iterate_batches

SMALL = 20_000  # bytes of a shard: two or three samples
BAD = 7


def make(key: int) -> LatentSample:
    """Clips of two lengths, four instructions, every third with a mask."""
    generator = torch.Generator().manual_seed(key)
    shape = (3, 4, 1 + key % 2, 8, 8)
    layers, source = torch.randn(shape, generator=generator), torch.randn(shape[1:], generator=generator)
    return LatentSample(
        layers=layers.half(),
        source=source.half(),
        mask=source.half() + 1 if key % 3 == 0 else None,
        text=torch.full((2 + key % 4, 6), key % 4).half(),
        instruction=f"add «{key % 4}»",
        task="obj_add" if key % 5 else "background_replace",
    )


def encode(keys: Sequence[int]) -> Iterator[LatentSample | BadSample]:
    for key in keys:
        yield BadSample(f"clip {key}: torn") if key == BAD else make(key)


def empty_text() -> torch.Tensor:
    return torch.full((1, 6), -1.0).half()


def write(folder: Path, count: int = 20, note: str = "a", shard_bytes: int = SMALL) -> Written:
    return write_shards(folder, range(count), encode, {"encoders": note}, empty_text, shard_bytes=shard_bytes)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    assert write(folder / "train") == Written(19, 19, 1)
    assert write(folder / "held_out", 3) == Written(3, 3, 0)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_same(sample: LatentSample, other: LatentSample) -> None:
    for name in ("layers", "source", "text"):
        assert torch.equal(getattr(sample, name), getattr(other, name))
    assert (sample.mask is None) == (other.mask is None)
    assert sample.mask is None or other.mask is None or torch.equal(sample.mask, other.mask)
    assert (sample.instruction, sample.task) == (other.instruction, other.task)


def test_samples_are_those_that_were_written(cache: Path) -> None:
    reader = ShardReader(cache / "train")
    kept = [key for key in range(20) if key != BAD]
    assert len(reader) == len(kept)
    for number, key in enumerate(kept):
        assert_same(reader.read(number), make(key))
        assert reader.shapes[number] == make(key).layers.shape
    assert torch.equal(reader.empty_text, empty_text())
    assert reader.note == {"encoders": "a"}


def test_shards_are_tar_files_of_bounded_size(cache: Path) -> None:
    shards = sorted((cache / "train").glob("*.tar"))
    assert len(shards) > 4
    assert max(shard.stat().st_size for shard in shards) <= SMALL
    texts = []
    for shard in shards:
        with tarfile.open(shard) as tar:
            for member in tar:
                file = tar.extractfile(member)
                assert file is not None
                tensors = load(file.read())
                number, kind = member.name.split(".", 1)  # as webdataset groups the files of a sample
                if kind == "text.safetensors":
                    texts.append(tensors["text"][0, 0].item())
                else:
                    assert kind == "safetensors"
                    assert torch.equal(tensors["layers"], make(int(number)).layers)
    assert sorted(texts) == [0, 1, 2, 3]  # each text once


def test_one_sample_may_be_larger_than_a_shard(tmp_path: Path) -> None:
    assert write(tmp_path, 3, shard_bytes=1).samples == 3
    assert len(list(tmp_path.glob("*.tar"))) == 3


def test_the_work_goes_on_where_it_ended(tmp_path: Path, cache: Path) -> None:
    class StoppedError(Exception):
        pass

    def stopped(keys: Sequence[int]) -> Iterator[LatentSample | BadSample]:
        for count, sample in enumerate(encode(keys)):
            if count == 9:
                raise StoppedError
            yield sample

    part = tmp_path / "part"
    with pytest.raises(StoppedError):
        write_shards(part, range(20), stopped, {"encoders": "a"}, empty_text, shard_bytes=SMALL)
    done = sum(len(json.loads(path.read_text())["samples"]) for path in part.glob("0*.json"))
    assert 0 < done < 9 and not list(part.glob("*partial*"))
    with pytest.raises(VeraError, match="the cache is not whole; run `vera data cache`"):
        ShardReader(part)
    (part / ".00000099.0123abcd.vera-partial.tar").write_bytes(b"of a process that was killed")
    assert write(part) == Written(19, 19 - done, 1)
    assert content(part) == content(cache / "train")
    assert write(part) == Written(19, 0, 1)


def test_more_samples_may_follow(tmp_path: Path) -> None:
    assert write(tmp_path, 5).samples == 5
    assert write(tmp_path, 12) == Written(11, 6, 1)
    reader = ShardReader(tmp_path)
    assert [reader.read(number).layers[0, 0, 0, 0, 0] for number in range(11)] == [
        make(key).layers[0, 0, 0, 0, 0] for key in range(12) if key != BAD
    ]
    assert write(tmp_path, 3) == Written(11, 0, 1)


@pytest.mark.parametrize("keep", [0, 0.2, None])
def test_a_damaged_shard_gives_bad_samples_and_is_mended(cache: Path, keep: float | None) -> None:
    whole = content(cache)
    shard = sorted((cache / "train").glob("*.tar"))[2]
    if keep is None:
        shard.unlink()
    else:
        shard.write_bytes(shard.read_bytes()[: int(shard.stat().st_size * keep)])
    reader = ShardReader(cache / "train")
    problems = []
    for number in range(len(reader)):
        try:
            reader.read(number)
        except BadSample as error:
            problems.append(str(error))
    assert problems
    assert all(problem.startswith(f"{shard}: ") for problem in problems)
    expected = "cannot be read (No such file" if keep is None else "is cut short; run `vera data cache` again"
    assert expected in problems[0]
    batches = list(iterate_batches(ShardedLayers(str(cache)), 2, 0, 20, 0))
    assert all(len(batch) == 2 for batch in batches) and any(batch.bad for batch in batches)

    assert write(cache / "train").new == len(json.loads(shard.with_suffix(".json").read_text())["samples"])
    assert content(cache) == whole


def test_the_index_of_another_cache_is_noticed(tmp_path: Path, cache: Path) -> None:
    def other(keys: Sequence[int]) -> Iterator[LatentSample]:
        return (make(key + 2) for key in keys)

    write_shards(tmp_path / "other", range(20), other, {"encoders": "a"}, empty_text, shard_bytes=SMALL)
    shutil.copy(tmp_path / "other" / "index.json", cache / "train" / "index.json")
    with pytest.raises(
        BadSample, match=r"00000000.tar: byte 512 on is not what index.json says: damaged, or of another"
    ):
        ShardReader(cache / "train").read(0)
    with pytest.raises(VeraError, match="8 samples in a row cannot be used"):
        list(iterate_batches(ShardedLayers(str(cache)), 2, 0, 20, 0))


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("index.json", "{", r"index.json: cannot be read .*; run `vera data cache` again$"),
        ("index.json", '{"format": 99}', "index.json: is of format 99, this Vera reads 1$"),
        ("empty.safetensors", "{", r"empty.safetensors: cannot be read"),
    ],
)
def test_damaged_files_are_named(cache: Path, name: str, text: str, problem: str) -> None:
    (cache / "train" / name).write_text(text)
    with pytest.raises(VeraError, match=problem):
        ShardedLayers(str(cache))


def test_a_folder_without_a_cache(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match=r"train: there is no cache; run `vera data cache` with it as --out$"):
        open_layer_data({"kind": "shards", "path": str(tmp_path)}, False)


def test_another_kind_of_samples_or_other_keys_are_refused(cache: Path) -> None:
    before = content(cache)
    with pytest.raises(VeraError, match=r'holds a cache of other samples: encoders is "a", not "b"; choose another'):
        write(cache / "train", note="b")
    with pytest.raises(VeraError, match="holds other samples, or in another order"):
        write_shards(cache / "train", range(1, 20), encode, {"encoders": "a"}, empty_text, shard_bytes=SMALL)
    assert content(cache) == before


def test_the_order_of_fields_makes_no_other_kind(tmp_path: Path) -> None:
    for stage in ({"until": 1, "frames": {1: 1}}, {"frames": {1: 1}, "until": 1}):
        note = {"stages": [stage]}
        assert write_shards(tmp_path, range(2), encode, note, empty_text).samples == 2


def test_a_disk_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: tarfile.TarFile, info: tarfile.TarInfo, file: io.BytesIO) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    with pytest.raises(VeraError, match=r"cannot be written \(No space left on device\)$"):
        write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache.json", "empty.safetensors"]


def test_every_epoch_has_each_sample_of_one_shape_once(tmp_path: Path) -> None:
    def pictures(keys: Sequence[int]) -> Iterator[LatentSample]:
        return (make(2 * key) for key in keys)

    for part in ("train", "held_out"):
        write_shards(tmp_path / part, range(10), pictures, {"encoders": "a"}, empty_text)
    source = ShardedLayers(str(tmp_path))
    drawn = [source.draw(step, 4) for step in range(10)]
    keys = [key for batch in drawn for key in batch]
    epochs = [keys[start : start + 10] for start in range(0, 40, 10)]
    assert all(sorted(epoch) == source.keys() for epoch in epochs)
    assert epochs[0] != epochs[1]
    assert [ShardedLayers(str(tmp_path)).draw(step, 4) for step in range(10)] == drawn  # whenever it is asked
    assert [ShardedLayers(str(tmp_path), seed=1).draw(step, 4) for step in range(10)] != drawn
    assert source.draw(3, 4, attempt=1) != source.draw(3, 4)


def test_a_batch_has_one_shape_and_shapes_come_by_their_shares(cache: Path) -> None:
    source = ShardedLayers(str(cache))  # ten pictures, nine clips
    frames = Counter()
    for step in range(1000):
        keys = source.draw(step, 3)
        shapes = {source.reader.shapes[key] for key in (*keys, *source.draw(step, 3, attempt=2))}
        assert len(shapes) == 1
        frames[shapes.pop()[2]] += 1
    assert frames[1] / 1000 == pytest.approx(10 / 19, abs=0.002)


def test_batches_do_not_depend_on_workers_or_processes(cache: Path) -> None:
    source = ShardedLayers(str(cache))
    batches = [list(iterate_batches(source, 4, 3, 9, workers)) for workers in (0, 2)]
    shares = [list(iterate_batches(source, 4, 3, 9, 0, Share(rank, 2))) for rank in range(2)]
    for alone, ahead, first, second in zip(*batches, *shares, strict=True):
        assert isinstance(alone, LatentBatch) and isinstance(ahead, LatentBatch)
        assert isinstance(first, LatentBatch) and isinstance(second, LatentBatch)
        for name in ("layers", "source", "mask", "has_mask"):
            assert torch.equal(getattr(alone, name), getattr(ahead, name))
            assert torch.equal(getattr(alone, name), torch.cat([getattr(first, name), getattr(second, name)]))
        assert alone.instructions == ahead.instructions == first.instructions + second.instructions
    assert torch.equal(batches[0][0].layers, next(iterate_batches(source, 4, 3, 4, 0)).layers)  # type: ignore[union-attr]


def test_held_out_samples_are_a_part_of_their_own(cache: Path) -> None:
    assert ShardedLayers(str(cache), held_out=True).keys() == [0, 1, 2]


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


@pytest.mark.faults
@pytest.mark.parametrize("text", ["[]", "{}", "[" * 100_000, '{"first": "a"}', "not json"])
def test_what_a_shard_is_said_to_hold_is_made_anew_if_it_is_nonsense(cache: Path, text: str) -> None:
    part = cache / "train"
    before = content(part)
    (part / "00000000.json").write_text(text)
    assert write(part).new > 0
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

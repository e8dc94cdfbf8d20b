import io
import os
import random
import shutil
import tarfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load
from tests.data.latents.caches import BAD, SMALL, assert_same, content, empty_text, encode, make, write
from tests.forks import SERVER

from vera.data.latents.dataset import ShardedLayers, ShardReader
from vera.data.latents.writer import Written, write_sample_shards
from vera.data.sample import BadSample, LatentSample
from vera.data.sources import open_layer_data
from vera.errors import VeraError
from vera.training.batches import EVAL_STEP, LatentBatch, Share, iterate_batches


def test_samples_are_those_that_were_written(cache: Path) -> None:
    reader = ShardReader(cache / "train")
    kept = [key for key in range(20) if key != BAD]
    assert len(reader) == len(kept)
    for number, key in enumerate(kept):
        assert_same(reader.read(number), make(key))
        assert reader.shapes[number] == make(key).layers.shape
    assert torch.equal(reader.empty_text, empty_text())
    assert reader.note == {"encoders": "a"}


def test_shards_are_tar_files_of_a_fixed_number_of_samples(cache: Path) -> None:
    shards = sorted((cache / "train").glob("*.tar"))
    assert [shard.name for shard in shards] == [f"{first:08d}.tar" for first in range(0, 20, SMALL)]
    for first, shard in zip(range(0, 20, SMALL), shards, strict=True):
        numbers, texts = [], []
        with tarfile.open(shard) as tar:
            *members, last = tar
            assert last.name == "__contents__"  # which webdataset skips
            for member in members:
                file = tar.extractfile(member)
                assert file is not None
                tensors = load(file.read())
                number, kind = member.name.split(".", 1)  # as webdataset groups the files of a sample
                if kind == "text.safetensors":
                    texts.append(tensors["text"][0, 0].item())
                else:
                    assert kind == "safetensors"
                    numbers.append(int(number))
                    assert torch.equal(tensors["layers"], make(int(number)).layers)
        keys = [key for key in range(first, min(first + SMALL, 20)) if key != BAD]
        assert numbers == keys and texts == list(dict.fromkeys(key % 4 for key in keys))  # a shard needs no other


def test_a_shard_follows_from_its_keys(cache: Path, tmp_path: Path) -> None:
    """Whichever are there already, and in whatever order they were written."""
    shards = sorted((cache / "train").glob("*.tar"))
    for kept in ([], [0], [6], [2, 5], [1, 3, 4]):
        part = tmp_path / f"with {kept}"
        part.mkdir()
        for number in kept:
            shutil.copy(shards[number], part)
        held = sum(
            len(range(3 * number, min(3 * number + 3, 20))) - (3 * number <= BAD < 3 * number + 3) for number in kept
        )
        (part / "cache.json").write_bytes((cache / "train" / "cache.json").read_bytes())
        assert write(part) == Written(19, 19 - held, 1)
        assert content(part) == content(cache / "train")


def test_progress_and_bad_samples_are_told(tmp_path: Path) -> None:
    told: list[tuple[Any, ...]] = []
    options: dict[str, Any] = {
        "shard_samples": 4,
        "progress": lambda *tick: told.append(tick),
        "skipped": lambda *problem: told.append(problem),
    }
    write_sample_shards(tmp_path, range(6), encode, {}, empty_text, **options)
    assert told == [(0, 6), *((number, 6) for number in range(1, 7))]
    told.clear()
    write_sample_shards(tmp_path, range(10), encode, {}, empty_text, **options)
    # Four were in a full shard; the two of the last one are done again.
    ticks = [(number, 10) for number in range(5, 11)]
    assert told == [(4, 10), *ticks[:3], (f"clip {BAD}: torn", 1, 8), *ticks[3:]]


def test_a_shard_whose_samples_are_all_bad(tmp_path: Path) -> None:
    assert write(tmp_path, BAD + 2, shard_samples=1) == Written(BAD + 1, BAD + 1, 1)
    assert write(tmp_path, BAD + 2, shard_samples=1) == Written(BAD + 1, 0, 1)
    assert_same(ShardReader(tmp_path).read(BAD), make(BAD + 1))


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("after", [0, 1, 3, 9, 19])
def test_the_work_goes_on_where_it_ended(tmp_path: Path, cache: Path, after: int) -> None:
    def stopped(keys: Sequence[int]) -> Iterator[LatentSample | BadSample]:
        for count, sample in enumerate(encode(keys)):
            if count == after:
                raise StoppedError
            yield sample

    part = tmp_path / "part"
    with pytest.raises(StoppedError):
        write_sample_shards(part, range(20), stopped, {"encoders": "a"}, empty_text, shard_samples=SMALL)
    whole = len(list(part.glob("*.tar")))
    assert whole == after // SMALL and not list(part.glob(".*"))  # only the shard in flight is lost
    with pytest.raises(VeraError, match="the cache is not whole; run `vera data cache`"):
        ShardReader(part)
    (part / ".00000099.0123abcd.vera-partial.tar").write_bytes(b"of a process that was killed")
    held = sum(key != BAD for key in range(whole * SMALL))
    assert write(part) == Written(19, 19 - held, 1)
    assert content(part) == content(cache / "train")
    assert write(part) == Written(19, 0, 1)


def encode_slowly(keys: Sequence[int]) -> Iterator[LatentSample | BadSample]:
    for sample in encode(keys):
        time.sleep(0.003)
        yield sample


def write_slowly(folder: Path, began: Event) -> None:
    torch.set_num_threads(1)
    write(folder.with_name(f"first-{os.getpid()}"))  # whose first calls take longer than all of the work
    began.set()
    write_sample_shards(folder, range(20), encode_slowly, {"encoders": "a"}, empty_text, shard_samples=SMALL)


def test_killed_at_any_moment_it_goes_on(tmp_path: Path, cache: Path) -> None:
    """A process that is killed again and again leaves whole shards only, and ends with the same bytes."""
    part, whole, delays = tmp_path / "part", content(cache / "train"), random.Random(0)
    for _ in range(12):
        began = SERVER.Event()
        process = SERVER.Process(target=write_slowly, args=(part, began))
        process.start()
        assert began.wait(120)
        process.join(delays.uniform(0.005, 0.05))
        process.kill()
        process.join()
        assert all(path.read_bytes() == whole[path.name] for path in part.glob("[!.]*"))
    write(part)
    assert content(part) == whole


def test_more_samples_may_follow_in_shards_that_stay(tmp_path: Path) -> None:
    write(tmp_path, 5)
    before = content(tmp_path)
    assert write(tmp_path, 12) == Written(11, 8, 1)  # the last shard was not full
    after = content(tmp_path)
    assert after["00000000.tar"] == before["00000000.tar"]
    write(tmp_path / "at once", 12)
    assert content(tmp_path / "at once") == {name: after[name] for name in after}


def test_more_samples_may_follow(tmp_path: Path) -> None:
    assert write(tmp_path, 5).samples == 5
    assert write(tmp_path, 12).samples == 11
    reader = ShardReader(tmp_path)
    for number, key in enumerate(key for key in range(12) if key != BAD):
        assert_same(reader.read(number), make(key))
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

    assert write(cache / "train").new == SMALL - 1
    assert content(cache) == whole


def test_the_index_of_another_cache_is_noticed(tmp_path: Path, cache: Path) -> None:
    def other(keys: Sequence[int]) -> Iterator[LatentSample]:
        return (make(key + 2) for key in keys)

    write_sample_shards(tmp_path / "other", range(20), other, {"encoders": "a"}, empty_text, shard_samples=SMALL)
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
    with pytest.raises(VeraError, match="holds a cache of other samples: shard_samples is 3, not 4; choose another"):
        write(cache / "train", shard_samples=4)
    with pytest.raises(VeraError, match="holds other samples, or in another order"):
        write_sample_shards(cache / "train", range(1, 20), encode, {"encoders": "a"}, empty_text, shard_samples=SMALL)
    assert content(cache) == before


@pytest.mark.faults
def test_samples_that_are_others_now_are_refused(tmp_path: Path, cache: Path) -> None:
    """By what is told of them beside their keys, which caches of earlier versions did not keep."""

    def again(folder: Path, told: str) -> Written:
        return write_sample_shards(
            folder,
            range(20),
            encode,
            {"encoders": "a"},
            empty_text,
            name_of=lambda key: f"{key!r}  {told if key == 7 else key}",
            shard_samples=SMALL,
        )

    assert again(cache / "train", "b").new == 0
    again(tmp_path / "told", "b")
    assert again(tmp_path / "told", "b").new == 0
    with pytest.raises(VeraError, match="holds other samples"):
        again(tmp_path / "told", "c")


def test_the_order_of_fields_makes_no_other_kind(tmp_path: Path) -> None:
    for stage in ({"until": 1, "frames": {1: 1}}, {"frames": {1: 1}, "until": 1}):
        note = {"stages": [stage]}
        assert write_sample_shards(tmp_path, range(2), encode, note, empty_text).samples == 2


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
        write_sample_shards(tmp_path / part, range(10), pictures, {"encoders": "a"}, empty_text)
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
    assert source.lengths == [10, 9]
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


@pytest.mark.parametrize("count", [1, 6, 12, 100])
def test_held_out_samples_are_drawn_each_once_in_one_order(tmp_path: Path, count: int) -> None:
    def kinds(keys: Sequence[int]) -> Iterator[LatentSample]:
        return (make(key + 100) for key in keys)

    write_sample_shards(tmp_path / "held_out", range(count), kinds, {}, empty_text)
    sources = [ShardedLayers(str(tmp_path), seed, held_out=True) for seed in (0, 1)]
    orders = [[key for index in range(count) for key in one.draw(EVAL_STEP + index, 1)] for one in sources]
    assert orders[0] == orders[1] and sorted(orders[0]) == list(range(count))


def test_what_could_not_be_used_is_tried_again_if_asked(tmp_path: Path) -> None:
    asked: list[int] = []

    def mended(keys: Sequence[int]) -> Iterator[LatentSample]:
        asked.extend(keys)
        return (make(key) for key in keys)

    assert write(tmp_path) == Written(19, 19, 1)
    assert write_sample_shards(tmp_path, range(20), mended, {"encoders": "a"}, empty_text, shard_samples=SMALL) == (
        Written(19, 0, 1)
    )
    again = write_sample_shards(
        tmp_path, range(20), mended, {"encoders": "a"}, empty_text, shard_samples=SMALL, retry=True
    )
    assert again.samples == 20 and again.bad == 0
    assert asked == list(range(BAD // SMALL * SMALL, BAD // SMALL * SMALL + SMALL))
    assert_same(ShardReader(tmp_path).read(BAD), make(BAD))

"""Write tar shards of encoded samples (`vera.data.latents.dataset`), resumable at any point."""

import io
import json
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from safetensors.torch import save
from torch import Tensor

from vera.data.latents.dataset import EMPTY, FORMAT, INDEX, INDEX_LIMIT, NOTE
from vera.data.sample import BadSample, LatentSample
from vera.errors import VeraError
from vera.files import read_json, sweep, whole_file

SHARD_BYTES = 1 << 30

Encode = Callable[[Sequence[Any]], Iterator[LatentSample | BadSample]]


@dataclass(frozen=True)
class Written:
    """How many samples a part of a cache holds, how many of them are new, and how many could not be used."""

    samples: int
    new: int
    bad: int


@dataclass(frozen=True)
class _Shard:
    """What is known of a whole shard: samples `first` to `stop - 1` of the keys, less the `bad` ones."""

    first: int
    stop: int
    bytes: int
    keys: list[str]
    samples: list[dict[str, Any]] = field(default_factory=list)
    texts: list[dict[str, Any]] = field(default_factory=list)
    bad: list[dict[str, Any]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.first:08d}"


def write_shards(
    folder: Path,
    keys: Sequence[Any],
    encode: Encode,
    note: Mapping[str, Any],
    empty_text: Callable[[], Tensor],
    *,
    shard_bytes: int = SHARD_BYTES,
    progress: Callable[[int, int], None] = lambda done, total: None,
    skipped: Callable[[str, int, int], None] = lambda problem, bad, seen: None,
) -> Written:
    """Write the samples of `keys` to `folder`, those that are not there yet, and then its index.

    `encode` is asked for samples of consecutive keys, in their order; `note` (JSON) says of what kind they are.
    A shard has at most `shard_bytes`, or one sample. It is there when it is whole: the same call goes on after a kill
    and mends shards that were deleted or cut short. More keys may follow later. `skipped` hears of each bad sample:
    what is wrong, how many are bad and how many were seen. VeraError where `folder` holds samples of another kind or
    other keys, and where the disk refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        _check_note(folder / NOTE, {"format": FORMAT, "note": dict(note)})
        if not (folder / EMPTY).exists():
            _write(folder / EMPTY, save({"text": empty_text()}))
        shards = _whole_shards(folder, [repr(key) for key in keys])
        held = sum(len(shard.samples) for shard in shards)
        _fill_gaps(folder, keys, encode, shards, shard_bytes, progress, skipped)
        shards.sort(key=lambda shard: shard.first)
        _write(folder / INDEX, json.dumps(_index(shards, note), ensure_ascii=False).encode())
    except OSError as error:
        raise VeraError(f"{folder}: cannot be written ({error.strerror or error})") from None
    samples, bad = (sum(len(getattr(shard, name)) for shard in shards) for name in ("samples", "bad"))
    return Written(samples, samples - held, bad)


def _fill_gaps(
    folder: Path,
    keys: Sequence[Any],
    encode: Encode,
    shards: list[_Shard],
    shard_bytes: int,
    progress: Callable[[int, int], None],
    skipped: Callable[[str, int, int], None],
) -> None:
    """Add shards to `shards` until every key is in one."""
    texts = {text["instruction"] for shard in shards for text in shard.texts}
    seen, bad = sum(shard.stop - shard.first for shard in shards), sum(len(shard.bad) for shard in shards)
    total = max([len(keys), *(shard.stop for shard in shards)])
    for start, stop in _gaps(shards, len(keys)):
        encoded = encode(keys[start:stop])
        first = start
        waiting: LatentSample | BadSample | None = None  # did not fit into the shard before
        while first < stop:
            with _open(folder, first, shard_bytes) as shard:
                while shard.stop < stop:
                    progress(seen, total)
                    sample = waiting or next(encoded)
                    waiting = None
                    if isinstance(sample, BadSample):
                        bad += 1
                        shard.leave_out(str(sample))
                        skipped(str(sample), bad, seen + 1)
                    elif not shard.add(sample, sample.instruction not in texts):
                        waiting = sample
                        break
                    else:
                        texts.add(sample.instruction)
                    seen += 1
                shard.tar.close()
            shards.append(shard.settle([repr(key) for key in keys[first : shard.stop]]))
            first = shard.stop
    progress(seen, total)


@contextmanager
def _open(folder: Path, first: int, shard_bytes: int) -> Iterator["_Open"]:
    """Give a new shard to fill and close, which takes its name when the block ends well."""
    path = folder / f"{first:08d}.tar"
    with whole_file(path) as partial, partial.open("wb") as file:
        yield _Open(path, file, first, shard_bytes)


class _Open:
    """A shard that is being written to `file` and will be `path`."""

    def __init__(self, path: Path, file: BinaryIO, first: int, shard_bytes: int) -> None:
        self.path = path
        self.first = self.stop = first
        self.shard_bytes = shard_bytes
        self.samples: list[dict[str, Any]] = []
        self.texts: list[dict[str, Any]] = []
        self.bad: list[dict[str, Any]] = []
        self.tar = tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 (of `file`)

    def add(self, sample: LatentSample, with_text: bool) -> bool:
        """Add the next sample, if there is room for it."""
        name = f"{self.stop:08d}"
        tensors = {"layers": sample.layers, "source": sample.source}
        if sample.mask is not None:
            tensors["mask"] = sample.mask
        words = {"instruction": sample.instruction, "task": sample.task}
        # One entry of metadata: the order of several would change from run to run.
        told = {"sample": json.dumps(words, ensure_ascii=False)}
        files = {f"{name}.safetensors": save(tensors, told)}
        if with_text:
            files[f"{name}.text.safetensors"] = save({"text": sample.text}, told)
        # Each has a header, both sizes are multiples of a block, and two blocks end a tar, in records of twenty.
        needed = self.tar.offset + sum(len(content) + 2 * tarfile.BLOCKSIZE for content in files.values())
        if needed + tarfile.RECORDSIZE > self.shard_bytes and self.samples:
            return False
        members = [self._put(file, content) for file, content in files.items()]
        self.samples.append({"number": self.stop, "shape": list(sample.layers.shape), **words, "member": members[0]})
        if with_text:
            self.texts.append({"instruction": sample.instruction, "member": members[1]})
        self.stop += 1
        return True

    def leave_out(self, problem: str) -> None:
        self.bad.append({"number": self.stop, "problem": problem})
        self.stop += 1

    def settle(self, keys: list[str]) -> _Shard:
        """Write beside the shard, when it has its name, what it holds."""
        size = self.path.stat().st_size
        shard = _Shard(self.first, self.stop, size, keys, self.samples, self.texts, self.bad)
        _write(self.path.with_suffix(".json"), json.dumps(vars(shard), ensure_ascii=False).encode())
        return shard

    def _put(self, name: str, content: bytes) -> list[int]:
        """Offset, size and CRC-32 of the new member's content."""
        info = tarfile.TarInfo(name)
        info.size = len(content)
        offset = self.tar.offset + tarfile.BLOCKSIZE
        self.tar.addfile(info, io.BytesIO(content))
        return [offset, len(content), zlib.crc32(content)]


def _check_note(path: Path, note: Mapping[str, Any]) -> None:
    """Write the note, or compare it with the one there is."""
    if not path.exists():
        _write(path, json.dumps(note, indent=2, sort_keys=True, ensure_ascii=False).encode())
        return
    held = read_json(path)
    if not isinstance(held, dict):
        raise VeraError(f"{path}: is no note of a cache; choose another folder")
    ours, theirs = _flat(json.loads(json.dumps(note))), _flat(held)
    for name in ours | theirs:
        if ours.get(name) != theirs.get(name):
            raise VeraError(
                f"{path.parent}: holds a cache of other samples: {name.removeprefix('note.')} is {theirs.get(name)}, "
                f"not {ours.get(name)}; choose another folder"
            )


def _flat(note: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in note.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = json.dumps(value, sort_keys=True)
    return flat


def _whole_shards(folder: Path, keys: list[str]) -> list[_Shard]:
    shards = []
    for path in sorted(folder.glob("[0-9]*.json")):
        try:
            shard = _read_shard(path)
        except (VeraError, OSError, TypeError, KeyError):
            shard = None
        if shard is None:
            path.unlink()
            continue
        wanted = keys[shard.first : shard.stop]
        if wanted != shard.keys[: len(wanted)]:
            raise VeraError(f"{folder}: holds other samples, or in another order; choose another folder")
        shards.append(shard)
    return shards


def _read_shard(path: Path) -> _Shard | None:
    """What a shard's JSON says, or None where its tar is not that. VeraError, TypeError or KeyError for nonsense."""
    shard = _Shard(**read_json(path, INDEX_LIMIT))
    if not all(type(number) is int for number in (shard.first, shard.stop, shard.bytes)) or shard.first < 0:
        raise TypeError("first, stop and bytes are whole numbers")
    for told in (*shard.samples, *shard.texts):
        if not isinstance(told["instruction"], str) or [type(value) for value in told["member"]] != [int] * 3:
            raise TypeError("a sample or text is not told by its place")
    for sample in shard.samples:
        if not all(type(side) is int for side in sample["shape"]) or not isinstance(sample["task"], str):
            raise TypeError("a sample has no shape or task")
    tar = path.with_name(f"{shard.name}.tar")
    return shard if path.stem == shard.name and tar.stat().st_size == shard.bytes else None


def _gaps(shards: Sequence[_Shard], count: int) -> list[tuple[int, int]]:
    """Ranges of 0 to `count` that are in no shard."""
    gaps, position = [], 0
    for first, stop in [*sorted((shard.first, shard.stop) for shard in shards), (count, count)]:
        if min(first, count) > position:
            gaps.append((position, min(first, count)))
        position = max(position, stop)
    return gaps


def _index(shards: Sequence[_Shard], note: Mapping[str, Any]) -> dict[str, Any]:
    """All samples in rows of numbers: shard, offset, size, checksum; then which shape, text and task."""
    texts: dict[str, list[int]] = {}
    for place, shard in enumerate(shards):
        for text in shard.texts:
            texts.setdefault(text["instruction"], [place, *text["member"]])
    text_numbers = {instruction: number for number, instruction in enumerate(texts)}
    shapes: dict[tuple[int, ...], int] = {}
    tasks: dict[str, int] = {}
    samples, bad = [], [problem for shard in shards for problem in shard.bad]
    for place, shard in enumerate(shards):
        for sample in shard.samples:
            if sample["instruction"] not in texts:  # it was with a sample that is bad since its shard was mended
                bad.append({"number": sample["number"], "problem": "its text was lost with another sample"})
                continue
            shape = shapes.setdefault(tuple(sample["shape"]), len(shapes))
            task = tasks.setdefault(sample["task"], len(tasks))
            samples.append([place, *sample["member"], shape, text_numbers[sample["instruction"]], task])
    return {
        "format": FORMAT,
        "note": dict(note),
        "shards": [f"{shard.name}.tar" for shard in shards],
        "shapes": [list(shape) for shape in shapes],
        "tasks": list(tasks),
        "texts": list(texts.items()),
        "samples": samples,
        "bad": bad,
    }


def _write(path: Path, content: bytes) -> None:
    with whole_file(path) as partial:
        partial.write_bytes(content)

"""Write a part of a cache of encoded samples: the shards that are there are the work that is done."""

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from vera.data.latents.dataset import EMPTY, FORMAT, INDEX, NOTE
from vera.data.latents.shard import place, read_contents, shard_path, write_shard
from vera.data.sample import BadSample, LatentSample
from vera.errors import VeraError
from vera.files import read_json
from vera.resumable import alone_in
from vera.whole import sweep, whole_file

# What a kill may cost, in samples of which Wan's encoder does one in seconds: 1.3 GB of 81 frames of 832x480.
SHARD_SAMPLES = 64

Encode = Callable[[Sequence[Any]], Iterator[LatentSample | BadSample]]


@dataclass(frozen=True)
class Written:
    """How many samples a part of a cache holds, how many of them are new, and how many could not be used."""

    samples: int
    new: int
    bad: int


def write_sample_shards(
    folder: Path,
    keys: Sequence[Any],
    encode: Encode,
    note: Mapping[str, Any],
    empty_text: Callable[[], Tensor],
    *,
    name_of: Callable[[Any], str] = repr,
    shard_samples: int = SHARD_SAMPLES,
    retry: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
    skipped: Callable[[str, int, int], None] = lambda problem, bad, seen: None,
) -> Written:
    """Write the samples of `keys` to `folder`, those that are not there yet, and then its index.

    `encode` is asked for the samples of some keys, in their order; `note` (JSON) says of what kind they are, and
    `name_of` what each is: its key and, after two spaces, what earlier versions did not keep. Each
    `shard_samples` keys have a shard of their own, which takes its name when it is whole: the same call goes on after a
    kill and writes anew what was deleted or cut short. More keys may follow later; for them a last shard that was not
    full is written anew, and with `retry` so are those that left out bad samples. `skipped` hears of each bad sample:
    what is wrong, how many are bad and how many were seen.
    VeraError where `folder` holds samples of another kind or other keys, where another process writes there, and where
    the disk refuses.
    """
    try:
        with alone_in(folder):
            sweep(folder)
            _check_note(folder / NOTE, {"format": FORMAT, "shard_samples": shard_samples, "note": dict(note)})
            if not (folder / EMPTY).exists():
                _write(folder / EMPTY, save({"text": empty_text()}))
            names = list(map(name_of, keys))
            shards = _whole_shards(folder, names, shard_samples, retry)
            held, bad, seen = (_count(shards, name) for name in ("samples", "bad", "keys"))
            missing = [
                range(first, min(first + shard_samples, len(keys)))
                for first in range(0, len(keys), shard_samples)
                if first not in shards
            ]
            total = seen + sum(map(len, missing))
            progress(seen, total)
            # One stream for all: loaders work ahead across the end of a shard. Closed, so that no error keeps them.
            wanted = [keys[number] for numbers in missing for number in numbers]
            with closing(_watch(encode(wanted), seen, bad, total, progress, skipped)) as samples:
                for numbers in missing:
                    path, own = shard_path(folder, numbers.start), names[numbers.start : numbers.stop]
                    shards[numbers.start] = write_shard(path, numbers.start, own, islice(samples, len(numbers)))
            _write(folder / INDEX, json.dumps(_index(shards, note), ensure_ascii=False).encode())
    except OSError as error:
        raise VeraError(f"{folder}: cannot be written ({error.strerror or error})") from None
    count = _count(shards, "samples")
    return Written(count, count - held, _count(shards, "bad"))


def _watch(
    samples: Iterable[LatentSample | BadSample],
    seen: int,
    bad: int,
    total: int,
    progress: Callable[[int, int], None],
    skipped: Callable[[str, int, int], None],
) -> Generator[LatentSample | BadSample, None, None]:
    """Hand samples on and tell of them."""
    for number, sample in enumerate(samples, seen + 1):
        if isinstance(sample, BadSample):
            bad += 1
            skipped(str(sample), bad, number)
        progress(number, total)
        yield sample


def _whole_shards(folder: Path, keys: list[str], shard_samples: int, retry: bool) -> dict[int, dict[str, Any]]:
    """Read the contents of the shards that need not be written, by their first sample.

    Those beyond `keys`, of an earlier call with more of them, count as well. Raises VeraError for other keys.
    """
    shards: dict[int, dict[str, Any]] = {}
    for path in sorted(folder.glob("[0-9]*.tar")):
        first = int(path.stem) if path.stem.isdecimal() else -1
        if first < 0 or first % shard_samples or path != shard_path(folder, first):
            continue
        contents = read_contents(path)
        if contents is None:
            continue
        wanted, held = keys[first : first + shard_samples], contents["keys"]
        count = min(len(wanted), len(held))
        if any(name not in (own, own.partition("  ")[0]) for name, own in zip(held[:count], wanted, strict=False)):
            raise VeraError(f"{folder}: holds other samples, or in another order; choose another folder")
        if len(wanted) <= len(held) and not (retry and contents["bad"]):
            shards[first] = contents
    return shards


def _count(shards: Mapping[int, Mapping[str, Any]], name: str) -> int:
    return sum(len(shard[name]) for shard in shards.values())


def _index(shards: Mapping[int, Mapping[str, Any]], note: Mapping[str, Any]) -> dict[str, Any]:
    """All samples in rows of numbers: shard, offset, size, checksum; then which shape, text and task."""
    index: dict[str, Any] = {"format": FORMAT, "note": dict(note)}
    index |= {name: [] for name in ("shards", "shapes", "tasks", "texts", "samples", "bad")}
    for position, first in enumerate(sorted(shards)):
        shard = shards[first]
        texts = len(index["texts"])
        shapes = [place(index["shapes"], shape) for shape in shard["shapes"]]
        tasks = [place(index["tasks"], task) for task in shard["tasks"]]
        index["shards"] += shard["shards"]
        index["bad"] += shard["bad"]
        index["texts"] += [[instruction, [position, *member[1:]]] for instruction, member in shard["texts"]]
        index["samples"] += [
            [position, *member, shapes[shape], texts + text, tasks[task]]
            for _, *member, shape, text, task in shard["samples"]
        ]
    return index


def _check_note(path: Path, note: Mapping[str, Any]) -> None:
    if not path.exists():
        _write(path, json.dumps(note, indent=2, sort_keys=True, ensure_ascii=False).encode())
        return
    held = read_json(path)
    if not isinstance(held, dict):
        raise VeraError(f"{path}: is no note of a cache; choose another folder")
    if "shard_samples" not in held:
        raise VeraError(
            f"{path.parent}: is a cache of an earlier Vera, to train from; choose another folder for samples"
        )
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


def _write(path: Path, content: bytes) -> None:
    with whole_file(path) as partial:
        partial.write_bytes(content)

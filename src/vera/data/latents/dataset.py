"""Encoded samples in indexed tar shards, to train from.

A cache has a folder for each part, `train` and `held_out`, of:

* `00000000.tar`, `00000064.tar`, ...: plain tar files of a fixed number of samples, named by their first. Sample 12 is
  the member `00000012.safetensors` (`layers`, `source` and, if it has one, `mask`; `sample` of its header's metadata is
  JSON with `instruction` and `task`). `00000012.text.safetensors` (`text`) follows if it is the shard's first with its
  instruction. So webdataset and `tar` read a shard too. The last member, `__contents__`, says what the shard holds.
* `empty.safetensors`: the states of the empty instruction (`text`), for dropping and guidance.
* `cache.json`: which networks encoded what. `index.json`: all of it, written when the part is whole.
"""

import os
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from vera.data.sample import BadSample, LatentSample
from vera.data.shuffle import Interleaving, place_in_epoch
from vera.errors import VeraError, first_line
from vera.fields import Name, Seed
from vera.files import read_bytes, read_json

FORMAT = 1
INDEX, NOTE, EMPTY = "index.json", "cache.json", "empty.safetensors"
PARTS = {False: "train", True: "held_out"}
INDEX_LIMIT = 1 << 30  # bytes: a sample has about 60, each distinct text its length
Member = list[int]  # shard, offset, size and CRC-32 of a file within the shards


class ShardReader:
    """One part of a cache, sample by sample: one seek and one read each, and the same for its text.

    `note` says what encoded it; `shapes[i]` is the shape of sample i's layers. VeraError for a folder that holds no
    whole part of a cache.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        index = _read_index(folder)
        try:
            if not isinstance(index["note"], dict):
                raise ValueError("note is no mapping")
            check_contents(index)
            # Columns: a member's four, then shape, text and task. An array, since processes that load share its memory.
            self._samples = check_samples(index)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise VeraError(
                f"data: {folder / INDEX}: is no index of a cache ({first_line(error)}); run `vera data cache` again"
            ) from None
        self.note: Mapping[str, Any] = index["note"]
        self.empty_text = _read_empty_text(folder / EMPTY)
        self._shards: list[str] = index["shards"]
        self._tasks: list[Any] = index["tasks"]
        self._texts: list[tuple[str, Member]] = index["texts"]
        shapes = [tuple(shape) for shape in index["shapes"]]
        self.shapes = [shapes[number] for number in self._samples[:, 4]]

    def __len__(self) -> int:
        return len(self._samples)

    def read(self, number: int) -> LatentSample:
        """Sample `number`; BadSample if its shard is not there, cut short or not the one that was indexed."""
        *member, _, text, task = self._samples[number].tolist()
        tensors = self._load(member)
        instruction, text_member = self._texts[text]
        states = self._load(text_member).get("text")
        shape = self.shapes[number]
        wanted = {"layers": shape, "source": shape[1:]} | ({"mask": shape[1:]} if "mask" in tensors else {})
        held = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        if held != wanted or states is None or states.shape[1:] != self.empty_text.shape[1:]:
            raise BadSample(f"{self.folder}: sample {number} holds {held}, {INDEX} says {wanted} and a text")
        return LatentSample(
            layers=tensors["layers"],
            source=tensors["source"],
            mask=tensors.get("mask"),
            text=states,
            instruction=instruction,
            task=self._tasks[task],
        )

    def _load(self, member: Member) -> dict[str, Tensor]:
        shard, offset, size, checksum = member
        path = self.folder / self._shards[shard]
        if path.exists() and not path.is_file():  # a pipe would wait for its other end
            raise BadSample(f"{path}: is no regular file")
        try:
            with path.open("rb") as file:
                file.seek(offset)
                # Not more than there is: memory for all of `size` would be taken first.
                content = file.read(min(size, os.fstat(file.fileno()).st_size))
        except OSError as error:
            raise BadSample(f"{path}: cannot be read ({error.strerror})") from None
        if len(content) < size:
            raise BadSample(f"{path}: is cut short; run `vera data cache` again to write it anew")
        if zlib.crc32(content) != checksum:
            raise BadSample(f"{path}: byte {offset} on is not what {INDEX} says: damaged, or of another cache")
        try:
            tensors: dict[str, Tensor] = load(content)
        except (SafetensorError, ValueError) as error:
            raise BadSample(f"{path}: byte {offset} on holds no tensors ({first_line(error)})") from None
        return tensors


class ShardedLayers:
    """What `vera data cache` wrote to `path`: its training or its held-out part, as the source of the data had them.

    The held-out part has one fixed order. That of the other is a function of `seed` and epoch, and every epoch has each
    sample once. A cache with clips of several shapes draws each batch from one of them, which have epochs of their own
    and are drawn as often as they have samples (to a thousandth, and once in a thousand draws at least).
    """

    def __init__(self, path: Name, seed: Seed = 0, held_out: bool = False) -> None:
        self.reader = ShardReader(Path(path) / PARTS[held_out])
        self.seed, self.held_out = seed, held_out
        groups: dict[tuple[int, ...], list[int]] = {}
        for number, shape in enumerate(self.reader.shapes):
            groups.setdefault(shape, []).append(number)
        self._groups = [np.array(numbers) for numbers in groups.values()]
        self._interleaving = Interleaving([len(numbers) for numbers in self._groups], seed)

    @property
    def encoders(self) -> Mapping[str, Any]:
        """What the samples were encoded with, as training compares it."""
        encoders = self.reader.note.get("encoders")
        return encoders if isinstance(encoders, Mapping) else {}

    @property
    def empty_text(self) -> Tensor:
        """States [L,D] of the empty instruction."""
        return self.reader.empty_text

    def keys(self) -> list[int]:
        """Every sample once."""
        return list(range(len(self.reader)))

    @property
    def lengths(self) -> list[int]:
        """How many samples an epoch of each shape has."""
        return [len(numbers) for numbers in self._groups]

    def draw(self, step: int, batch_size: int, attempt: int = 0) -> list[int]:
        """Keys of a step's samples: numbers in the cache."""
        if self.held_out:  # without repetition, wherever the numbers begin
            count, first = len(self.reader), step * batch_size
            return [place_in_epoch((first + i) % count, count, 0, attempt) for i in range(batch_size)]
        group, own_step = self._interleaving.place(step)
        numbers = self._groups[group]
        first = own_step * batch_size
        places = [place_in_epoch(first + i, len(numbers), self.seed, attempt) for i in range(batch_size)]
        return [int(numbers[place]) for place in places]

    def load(self, key: int) -> LatentSample:
        """Read a sample of the cache."""
        return self.reader.read(key)


def _read_index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    if not path.exists():
        problem = "the cache is not whole" if (folder / NOTE).exists() else "there is no cache"
        raise VeraError(f"data: {folder}: {problem}; run `vera data cache` with it as --out")
    try:
        index = read_json(path, INDEX_LIMIT)
    except VeraError as error:
        problem = str(error).removeprefix(f"{path}: ")
        raise VeraError(f"data: {path}: cannot be read ({problem}); run `vera data cache` again") from None
    held = index.get("format") if isinstance(index, dict) else None
    if held != FORMAT or isinstance(held, bool):
        raise VeraError(f"data: {path}: is of format {held!a:.40}, this Vera reads {FORMAT}")
    if index.get("samples") == []:
        raise VeraError(f"data: {folder}: the cache holds no sample")
    return dict(index)


def check_contents(index: Mapping[str, Any]) -> None:
    """Raise ValueError, TypeError or KeyError unless contents of shards, all but the samples, are as they are written.

    Shards are names of files in the folder: a path could lead to any tensors of the machine.
    """
    if not all(re.fullmatch(r"\d+\.tar", name) for name in index["shards"]):
        raise ValueError("a shard is no NUMBER.tar in the cache's folder")
    if not all(isinstance(task, str) for task in index["tasks"]):
        raise ValueError("a task is no text")
    if not all(len(shape) == 5 and all(type(side) is int and side > 0 for side in shape) for shape in index["shapes"]):
        raise ValueError("a shape is not that of layers")
    if not all(isinstance(text, str) for text, _ in index["texts"]):
        raise ValueError("a text is no text")
    if index["texts"]:
        _check_members(np.array([member for _, member in index["texts"]]), len(index["shards"]))


def check_samples(index: Mapping[str, Any]) -> NDArray[np.int64]:
    """Return the table of samples, [N,7]; raises ValueError or TypeError for one that points at what there is not."""
    samples = np.array(index["samples"])
    if samples.ndim != 2 or samples.shape[1] != 7:
        raise ValueError("samples are not rows of seven numbers")
    _check_members(samples[:, :4], len(index["shards"]))
    counts = [len(index[name]) for name in ("shapes", "texts", "tasks")]
    if (samples[:, 4:] < 0).any() or (samples[:, 4:] >= counts).any():
        raise ValueError("a sample has a shape, text or task that is not listed")
    return samples


def _check_members(members: NDArray[Any], shards: int) -> None:
    if members.dtype != np.int64 or members.ndim != 2 or members.shape[1] != 4:
        raise ValueError("a place is not four whole numbers")
    if (members < 0).any() or (members[:, 0] >= shards).any():
        raise ValueError("a sample or text lies in a shard that is not listed")


def _read_empty_text(path: Path) -> Tensor:
    try:
        text: Tensor = load(read_bytes(path, 1 << 28))["text"]
        if text.ndim != 2:
            raise ValueError(f"a text of shape {list(text.shape)}")
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise VeraError(f"data: {path}: cannot be read ({first_line(error)}); run `vera data cache` again") from None
    return text

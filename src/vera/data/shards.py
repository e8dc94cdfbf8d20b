"""Encoded samples in indexed tar shards, to train from.

A cache has a folder for each part, `train` and `held_out`, of:

* `00000000.tar`, `00000081.tar`, ...: plain tar files named by their first sample. Sample 12 is the member
  `00000012.safetensors` (`layers`, `source` and, if it has one, `mask`; `sample` of its header's metadata is JSON with
  `instruction` and `task`). `00000012.text.safetensors` (`text`) follows if it is the first with its instruction: each
  distinct text is stored once. So webdataset and `tar` read a shard too.
* `00000000.json` beside each, written when the shard is whole: what it holds.
* `empty.safetensors`: the states of the empty instruction (`text`), for dropping and guidance.
* `cache.json`: which networks encoded what. `index.json`: all of it, written when the part is whole.
"""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from vera.data.sample import BadSample, LatentSample
from vera.data.shuffle import Interleaving, place_in_epoch
from vera.errors import VeraError

FORMAT = 1
INDEX, NOTE, EMPTY = "index.json", "cache.json", "empty.safetensors"
PARTS = {False: "train", True: "held_out"}
Member = list[int]  # shard, offset, size and CRC-32 of a file within the shards


class ShardReader:
    """One part of a cache, sample by sample: one seek and one read each, and the same for its text.

    `note` says what encoded it; `shapes[i]` is the shape of sample i's layers. VeraError for a folder that holds no
    whole part of a cache.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        index = _read_index(folder)
        self.note: Mapping[str, Any] = index["note"]
        self.empty_text = _read_empty_text(folder / EMPTY)
        self._shards: list[str] = index["shards"]
        self._tasks: list[Any] = index["tasks"]
        self._texts: list[tuple[str, Member]] = index["texts"]
        # Columns: a member's four, then shape, text and task. An array, since processes that load share its memory.
        self._samples = np.array(index["samples"], np.int64).reshape(-1, 7)
        shapes = [tuple(shape) for shape in index["shapes"]]
        self.shapes = [shapes[number] for number in self._samples[:, 4]]

    def __len__(self) -> int:
        return len(self._samples)

    def read(self, number: int) -> LatentSample:
        """Sample `number`; BadSample if its shard is not there, cut short or not the one that was indexed."""
        *member, _, text, task = self._samples[number].tolist()
        tensors = self._load(member)
        instruction, text_member = self._texts[text]
        return LatentSample(
            layers=tensors["layers"],
            source=tensors["source"],
            mask=tensors.get("mask"),
            text=self._load(text_member)["text"],
            instruction=instruction,
            task=self._tasks[task],
        )

    def _load(self, member: Member) -> dict[str, Tensor]:
        shard, offset, size, checksum = member
        path = self.folder / self._shards[shard]
        try:
            with path.open("rb") as file:
                file.seek(offset)
                content = file.read(size)
        except OSError as error:
            raise BadSample(f"{path}: cannot be read ({error.strerror})") from None
        if len(content) < size:
            raise BadSample(f"{path}: is cut short; run `vera data cache` again to write it anew")
        if zlib.crc32(content) != checksum:
            raise BadSample(f"{path}: byte {offset} on is not what {INDEX} says: damaged, or of another cache")
        tensors: dict[str, Tensor] = load(content)
        return tensors


class ShardedLayers:
    """What `vera data cache` wrote to `path`: its training or its held-out part, as the source of the data had them.

    Every epoch has each sample once, in an order that is a function of `seed` and epoch. A cache with clips of several
    shapes draws each batch from one of them, each as often as it has samples (to a thousandth).
    """

    def __init__(self, path: str, seed: int = 0, held_out: bool = False) -> None:
        self.reader = ShardReader(Path(path) / PARTS[held_out])
        self.seed = seed
        groups: dict[tuple[int, ...], list[int]] = {}
        for number, shape in enumerate(self.reader.shapes):
            groups.setdefault(shape, []).append(number)
        self._groups = [np.array(numbers) for numbers in groups.values()]
        self._interleaving = Interleaving([len(numbers) for numbers in self._groups], seed)

    @property
    def encoders(self) -> Mapping[str, Any]:
        """What the samples were encoded with, as training compares it."""
        encoders: Mapping[str, Any] = self.reader.note["encoders"]
        return encoders

    @property
    def empty_text(self) -> Tensor:
        """States [L,D] of the empty instruction."""
        return self.reader.empty_text

    def keys(self) -> list[int]:
        """Every sample once."""
        return list(range(len(self.reader)))

    def draw(self, step: int, batch_size: int, attempt: int = 0) -> list[int]:
        group, own_step = self._interleaving.place(step)
        numbers = self._groups[group]
        first = own_step * batch_size
        places = [place_in_epoch(first + i, len(numbers), self.seed, attempt) for i in range(batch_size)]
        return [int(numbers[place]) for place in places]

    def load(self, key: int) -> LatentSample:
        return self.reader.read(key)


def _read_index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    if not path.exists():
        problem = "the cache is not whole" if (folder / NOTE).exists() else "there is no cache"
        raise VeraError(f"data: {folder}: {problem}; run `vera data cache` with it as --out")
    try:
        index: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VeraError(f"data: {path}: cannot be read ({error}); run `vera data cache` again") from None
    if index.get("format") != FORMAT:
        raise VeraError(f"data: {path}: is of format {index.get('format')}, this Vera reads {FORMAT}")
    if not index["samples"]:
        raise VeraError(f"data: {folder}: the cache holds no sample")
    return index


def _read_empty_text(path: Path) -> Tensor:
    try:
        text: Tensor = load(path.read_bytes())["text"]
    except (OSError, SafetensorError, KeyError) as error:
        raise VeraError(f"data: {path}: cannot be read ({error}); run `vera data cache` again") from None
    return text

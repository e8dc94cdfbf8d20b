"""One tar shard of encoded samples: written whole, and read for what it says that it holds."""

import io
import json
import tarfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save

from vera.data.latents.dataset import check_contents, check_samples
from vera.data.sample import BadSample, LatentSample
from vera.errors import VeraError
from vera.files import parse_json
from vera.whole import whole_file

CONTENTS = "__contents__"  # the last member; webdataset skips names of this kind


def shard_path(folder: Path, first: int) -> Path:
    """Name the shard whose first sample is number `first`."""
    return folder / f"{first:08d}.tar"


def write_shard(
    path: Path, first: int, keys: Sequence[str], samples: Iterable[LatentSample | BadSample]
) -> dict[str, Any]:
    """Write the samples of `keys`, numbered from `first`, whole or not at all, and return the shard's contents.

    They have the fields of `index.json`, as if this were the only shard, and `keys`. Keys and samples give the bytes.
    """
    shapes: list[list[int]] = []
    tasks: list[str] = []
    texts: dict[str, list[int]] = {}
    rows: list[list[int]] = []
    bad: list[dict[str, Any]] = []
    with (
        whole_file(path) as partial,
        partial.open("wb") as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for number, sample in enumerate(samples, first):
            if isinstance(sample, BadSample):
                bad.append({"number": number, "problem": str(sample)})
                continue
            # One entry of metadata: the order of several would change from run to run.
            words = {"instruction": sample.instruction, "task": sample.task}
            told = {"sample": json.dumps(words, ensure_ascii=False)}
            tensors = {"layers": sample.layers, "source": sample.source}
            if sample.mask is not None:
                tensors["mask"] = sample.mask
            member = _put(tar, f"{number:08d}.safetensors", save(tensors, told))
            if sample.instruction not in texts:
                text = save({"text": sample.text}, told)
                texts[sample.instruction] = _put(tar, f"{number:08d}.text.safetensors", text)
            places = place(shapes, list(sample.layers.shape)), list(texts).index(sample.instruction)
            rows.append([*member, *places, place(tasks, sample.task)])
        contents = {
            "keys": list(keys),
            "shards": [path.name],
            "shapes": shapes,
            "tasks": tasks,
            "texts": list(texts.items()),
            "samples": rows,
            "bad": bad,
        }
        _put(tar, CONTENTS, json.dumps(contents, ensure_ascii=False).encode())
    return contents


def read_contents(path: Path) -> dict[str, Any] | None:
    """Read the contents of a shard; None for what is cut short, or no shard of that name."""
    try:
        if not path.is_file() or path.stat().st_size % tarfile.RECORDSIZE:
            return None
        with tarfile.open(path, "r:") as tar:
            member = tar.extractfile(CONTENTS)
            contents = parse_json("" if member is None else member.read().decode(), path)
        check_contents(contents)
        if contents["samples"]:
            check_samples(contents)
        if contents["shards"] != [path.name] or not all(isinstance(key, str) for key in contents["keys"]):
            raise ValueError("a shard of another name, or keys that are no texts")
        if not all(isinstance(problem, dict) for problem in contents["bad"]):
            raise ValueError("a problem is not told")
    except (tarfile.TarError, EOFError, OSError, VeraError, ValueError, TypeError, KeyError, OverflowError):
        return None
    return dict(contents)


def place(values: list[Any], value: Any) -> int:
    """Find the place of a value in a list, to which it is added if it is not there."""
    if value not in values:
        values.append(value)
    return values.index(value)


def _put(tar: tarfile.TarFile, name: str, content: bytes) -> list[int]:
    """Add a member; returns shard 0, offset, size and CRC-32 of its content."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    offset = tar.offset + tarfile.BLOCKSIZE
    tar.addfile(info, io.BytesIO(content))
    return [0, offset, len(content), zlib.crc32(content)]

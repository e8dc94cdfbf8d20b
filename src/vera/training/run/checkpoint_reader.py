"""Reading torch's distributed checkpoints as data: torch itself unpickles whatever lies in them, which is to run it."""

import io
import pickle
import re
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import Metadata
from torch.distributed.checkpoint.planner import ReadItem

# All that `.metadata` is made of. torch's dtypes, and pathlib's paths on any system, come in several names.
NAMES = {
    *(
        ("torch.distributed.checkpoint.metadata", name)
        for name in (
            "BytesStorageMetadata",
            "ChunkStorageMetadata",
            "Metadata",
            "MetadataIndex",
            "StorageMeta",
            "TensorProperties",
            "TensorStorageMetadata",
            "_MEM_FORMAT_ENCODING",
        )
    ),
    ("torch.distributed.checkpoint.filesystem", "_StorageInfo"),
    ("torch.serialization", "_get_layout"),
    ("torch", "Size"),
    *(("torch", str(kind).removeprefix("torch.")) for kind in vars(torch).values() if isinstance(kind, torch.dtype)),
    *((module, name) for module in ("pathlib", "pathlib._local") for name in ("PosixPath", "PurePosixPath")),
}


class DamageError(Exception):
    """A checkpoint's files are not what the format, or this run, has in them."""


class Reader(FileSystemReader):
    """Reads a checkpoint's folder and nothing outside of it. Raises DamageError if its metadata is none."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            if not (path / ".metadata").is_file():  # a pipe would wait for its other end
                raise DamageError("is missing, or no regular file")
            with (path / ".metadata").open("rb") as file:
                metadata = _Unpickler(file).load()
            self._check(metadata)
        except OSError:
            raise
        except Exception as error:  # an unpickler raises anything
            raise DamageError(f".metadata: {error}") from error
        self._metadata: Metadata = metadata

    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        """The checkpoint's index, read as data when the reader was made."""
        return self._metadata

    def _check(self, metadata: Any) -> None:
        if not isinstance(metadata, Metadata) or not isinstance(metadata.storage_data, dict):
            raise DamageError("is no metadata of a checkpoint")
        for name in {place.relative_path for place in metadata.storage_data.values()}:
            if not re.fullmatch(r"__\d+_\d+\.distcp", name):
                raise DamageError("names a file that is none of the checkpoint's")
            if not Path(self.path, name).is_file():
                raise DamageError(f"{name} is missing")


class Planner(DefaultLoadPlanner):
    """Takes values beside tensors (rates, counts) by torch's reader of plain values, of the kinds that it asks for."""

    def load_bytes(self, read_item: ReadItem, value: io.BytesIO) -> None:
        """Read a plain value of the kind that is asked for; nothing else is unpickled."""
        name = read_item.dest_index.fqn
        loaded = torch.load(value, map_location="cpu", weights_only=True)
        if None not in (loaded, held := self.state_dict[name]) and type(loaded) is not type(held):
            raise DamageError(f"{name} is a {type(loaded).__name__}")
        plain = io.BytesIO()  # written again, by us: torch's own planner reads it as a pickle
        torch.save(loaded, plain)
        plain.seek(0)
        super().load_bytes(read_item, plain)


class _Unpickler(pickle._Unpickler):
    """In Python: the one in C makes room for as many values as a stranger says that there are, ten bytes for 32 GB."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in NAMES:
            raise DamageError(f"names {module}.{name}, which no checkpoint has")
        return super().find_class(module, name)

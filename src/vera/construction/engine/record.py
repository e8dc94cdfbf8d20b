"""What is known of a source or a clip: one JSON file, replaced whole, from which everything else can be made anew."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from vera.construction.engine.stage import Facts
from vera.errors import VeraError
from vera.files import json_text, read_json
from vera.whole import write_text

Status = Literal["done", "rejected", "failed"]
ID = re.compile(r"[0-9a-f]{16}")  # of sources and clips
NAME = r"[\w-][\w. -]{0,199}"  # of a file or folder that a stage wrote: nothing that leads out of the build's folder
INDEX = re.compile(rf"{NAME}/{NAME}/{NAME}\.jsonl", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """How a stage ended. `files` are paths from the build's folder, with their SHA-256; `tries` counts failures."""

    fingerprint: str
    status: Status
    reason: str = ""
    detail: str = ""
    tries: int = 0
    facts: Facts = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """A source or a clip. `stages` has an entry for each stage that ended, of objects under `o1/matte`."""

    kind: Literal["source", "clip"]
    id: str
    about: Facts
    stages: Mapping[str, Entry] = field(default_factory=dict)

    def with_entry(self, key: str, entry: Entry | None) -> "Record":
        """The same with another entry, or None, for a stage."""
        stages = {name: held for name, held in self.stages.items() if name != key}
        return replace(self, stages=stages if entry is None else stages | {key: entry})


@dataclass(frozen=True)
class Layout:
    """Where things lie in a build's folder. All paths are local; another storage takes the place of this class."""

    root: Path

    @property
    def index(self) -> Path:
        """States of all stages, made anew from the records where it is missing."""
        return self.root / "index.sqlite"

    @property
    def recipe(self) -> Path:
        """The recipe of the last build."""
        return self.root / "build.yaml"

    @property
    def options(self) -> Path:
        """With what it was called, beside the recipe: whether somebody is asked, and of how many clips."""
        return self.root / "options.json"

    @property
    def decisions(self) -> Path:
        """What people decided, which nothing else can tell again."""
        return self.root / "decisions"

    @property
    def events(self) -> Path:
        """A JSONL for each build that ran."""
        return self.root / "events"

    @property
    def cache(self) -> Path:
        """What is paid for once: replies of models, by their requests."""
        return self.root / "cache"

    @property
    def dataset(self) -> Path:
        """The samples, in the released layout."""
        return self.root / "dataset"

    def folder(self, kind: str, unit: str) -> Path:
        """The folder of a source or clip."""
        return self.root / f"{kind}s" / unit[:2] / unit

    def record(self, kind: str, unit: str) -> Path:
        """The file of its record."""
        return self.folder(kind, unit) / "record.json"

    def folders(self, kind: str) -> Iterator[Path]:
        """The folders of all sources or clips, in order of their ids, with a record or without."""
        found = sorted(self.root.glob(f"{kind}s/??/*"))
        return (path for path in found if ID.fullmatch(path.name) and path.name[:2] == path.parent.name)

    def records(self, kind: str) -> Iterator[Path]:
        """The records of all sources or clips, in order of their ids."""
        return (path for folder in self.folders(kind) if (path := folder / "record.json").is_file())


def read_record(path: Path) -> Record | None:
    """Read a record; None if there is none. Raises VeraError for what is no record, or names files that are not the
    build's."""
    if not path.is_file():
        return None
    held = read_json(path)
    try:
        stages = {key: Entry(**entry) for key, entry in held["stages"].items()}
        record = Record(held["kind"], held["id"], held["about"], stages)
        sound = _is_sound(record, path.parent)
    except (TypeError, KeyError, AttributeError):
        sound = False
    if not sound:
        raise VeraError(f"{path}: is no record of this version; remove its folder, and the build makes it anew")
    return record


def _is_sound(record: Record, folder: Path) -> bool:
    """Whether a record is of the unit in `folder`, and of the types that all who read it rely on."""
    kind, unit, about = record.kind, record.id, record.about
    if kind not in ("source", "clip") or folder.parts[-3:] != (f"{kind}s", unit[:2], unit) or not ID.fullmatch(unit):
        return False
    if kind == "source":
        known = isinstance(about["path"], str) and isinstance(about["state"], list)
    else:
        known = ID.fullmatch(about["source"]) is not None
    own = re.compile(rf"({kind}s/{unit[:2]}/{unit}|dataset)(/{NAME})+", re.ASCII)
    return known and all(_is_entry(entry, own) for entry in record.stages.values())


def _is_entry(entry: Entry, own: re.Pattern[str]) -> bool:
    """Whether an entry's files are among its `own`, and what names a clip or an index can name nothing else."""
    facts: Any = entry.facts
    published = {"row", "index"} <= set(facts) or any(path.startswith("dataset/") for path in entry.files)
    return (
        all(isinstance(text, str) for text in (entry.fingerprint, entry.reason, entry.detail))
        and entry.status in get_args(Status)
        and isinstance(entry.tries, int)
        and all(own.fullmatch(path) and isinstance(digest, str) for path, digest in entry.files.items())
        and all(ID.fullmatch(clip["id"]) for clip in facts.get("clips", []))
        and isinstance(facts.get("objects", []), list)
        and (not published or INDEX.fullmatch(facts["index"]) is not None)
        and (not published or isinstance(facts["row"]["provenance"], dict))
    )


def write_record(path: Path, record: Record) -> None:
    """Write a record, whole or not at all; equal ones are equal bytes."""
    ordered = replace(record, stages=dict(sorted(record.stages.items())))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json_text(json.loads(json.dumps(asdict(ordered), sort_keys=True))) + "\n")

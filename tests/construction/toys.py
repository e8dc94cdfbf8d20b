"""Toy stages: sources that are numbers of clips, and files that tell what they were made of."""

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from vera.construction.engine.build import Build, open_build
from vera.construction.engine.executors.opening import Where
from vera.construction.engine.record import Layout, Record
from vera.construction.engine.stage import Done, Facts, Item, Kind, Model, Plain, Rejected, Stage
from vera.construction.engine.state import Plan
from vera.progress import Progress

LOG = "VERA_TOY_LOG"  # a file that gets a line at the beginning of each run
SLEEP = "VERA_TOY_SLEEP"
DATABASE = "VERA_TOY_DATABASE"  # the index's URL


def begin(item: Item, stage: str) -> None:
    if LOG in os.environ:
        with Path(os.environ[LOG]).open("a", encoding="utf-8") as log:
            log.write(f"{item.id} {item.object} {stage}\n")
    time.sleep(float(os.environ.get(SLEEP, "0")))


@dataclass(frozen=True)
class Cut(Plain):
    name: ClassVar[str] = "cut"
    kind: ClassVar[Kind] = "source"

    def run(self, item: Item) -> Done | Rejected:
        begin(item, self.name)
        if item.about["path"] == "broken":
            return Rejected("unreadable", "broken: cannot be read")
        count = int(item.about["path"])
        return Done({"clips": [{"id": f"{item.id[:14]}{number:02}", "number": number} for number in range(count)]})


@dataclass(frozen=True)
class Draw(Plain):
    name: ClassVar[str] = "draw"
    kind: ClassVar[Kind] = "clip"
    needs: ClassVar[tuple[str, ...]] = ("cut",)
    text: str = "drawn"

    def run(self, item: Item) -> Done | Rejected:
        begin(item, self.name)
        (item.out / "drawn.txt").write_text(f"{self.text} {item.id}")
        return Done({"hash": item.about["number"] // 2})


@dataclass(frozen=True)
class Alone(Plain):
    name: ClassVar[str] = "alone"
    kind: ClassVar[Kind] = "clip"
    needs: ClassVar[tuple[str, ...]] = ("draw",)
    waits: ClassVar[Literal["", "people", "all"]] = "all"
    by: str = "nothing"

    def compare(self, facts: Mapping[str, Mapping[str, Facts]], kept: set[str]) -> Mapping[str, Facts]:
        seen: dict[str, str] = {}
        told: dict[str, Facts] = {}
        for clip in sorted(facts, key=lambda clip: (clip not in kept, clip)):
            key = f"{facts[clip]['draw']['hash']}" if self.by == "hash" else clip
            told[clip] = {"repeats": seen.get(key)}
            seen.setdefault(key, clip)
        return told

    def run(self, item: Item) -> Done | Rejected:
        assert item.decision is not None
        begin(item, self.name)
        return Done() if item.decision["repeats"] is None else Rejected("repeat", item.decision["repeats"])


@dataclass(frozen=True)
class Choose(Plain):
    name: ClassVar[str] = "choose"
    kind: ClassVar[Kind] = "clip"
    needs: ClassVar[tuple[str, ...]] = ("alone",)
    waits: ClassVar[Literal["", "people", "all"]] = "people"

    def run(self, item: Item) -> Done | Rejected:
        assert item.decision is not None
        begin(item, self.name)
        return Done({"objects": item.decision.get("objects", [{"noun": "thing"}])})


@dataclass(frozen=True)
class Ship(Plain):
    name: ClassVar[str] = "publish"
    kind: ClassVar[Kind] = "object"
    needs: ClassVar[tuple[str, ...]] = ("draw", "choose")
    split: ClassVar[str] = "toys"

    def run(self, item: Item) -> Done | Rejected:
        begin(item, self.name)
        noun = item.facts["choose"]["objects"][int(item.object[1:]) - 1]["noun"]
        (item.out / "set").mkdir()
        (item.out / "set" / f"{item.id}_{item.object}_{self.split}.mp4").write_text(
            item.files["drawn.txt"].read_text() + noun
        )
        row = {"clip": f"{item.id}_{item.object}", "provenance": {}}
        return Done({"index": f"set/2-frames/{self.split}.jsonl", "row": row})


@dataclass(frozen=True)
class Tainted(Ship):
    models: ClassVar[tuple[Model, ...]] = (Model("somebody's matter", "1", "CC-BY-NC-4.0"),)


STAGES: tuple[Stage, ...] = (Cut(), Draw(), Alone(), Choose(), Ship())
OWN = {"licence": "OWN", "creator": None, "url": None, "terms": {"commercial": True, "derivatives": True}}


def sources(*paths: str) -> list[Record]:
    """Sources that each have as many clips as their path says."""
    ids = [hashlib.sha256(f"{number}".encode()).hexdigest()[:16] for number in range(len(paths))]
    about = [{"path": path, "licence": OWN, "state": [0, 0]} for path in paths]
    return [Record("source", one, held) for one, held in zip(ids, about, strict=True)]


@contextmanager
def opened(
    root: Path, *paths: str, stages: tuple[Stage, ...] = STAGES, unattended: bool = True, **more: object
) -> Iterator[Build]:
    """A build of toys, whose index is up to date."""
    limit = more.pop("limit", None)
    plan = Plan(stages, unattended=unattended, **more)
    with open_build(Layout(root), plan, sources(*paths), limit, os.environ.get(DATABASE)) as build:
        build.refresh()
        yield build


def finish(build: Build, workers: int = 1, where: Where = "local", progress: Progress | None = None) -> None:
    from vera.construction.dataset import write_rows

    build.run(workers, progress, where)
    write_rows(build)


def tree(root: Path) -> dict[str, str]:
    """The hash of every file that a build is for."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for kind in ("sources", "clips", "dataset")
        for path in sorted((root / kind).rglob("*"))
        if path.is_file()
    }

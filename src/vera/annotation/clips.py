"""What a build, or the gold beside it, has of a clip: files, proposals, frames."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.annotation.store.store import Gate
from vera.construction.adapters.segmenter import SegmenterNetwork
from vera.construction.construct import build_status
from vera.construction.engine.record import Layout, Record, read_record
from vera.construction.engine.state import fingerprint
from vera.construction.stages.background import Curate
from vera.construction.stages.footage import Proxy
from vera.construction.stages.objects import Annotate, Propose
from vera.construction.stages.proofread import BackgroundProofread, Proofread
from vera.construction.stages.removal import Filter, Remove
from vera.service.errors import MissingError
from vera.video import read_lossless

GOLD = "gold"  # how the ids of clips begin whose answers are known
EVIDENCE = "evidence.mkv"
# The stages whose work is judged at a gate.
JUDGED: Mapping[str, tuple[str, ...]] = {
    Annotate.name: (Proxy.name, Propose.name),
    Filter.name: (Remove.name,),
    **{stage.name: stage.needs for stage in (Curate, Proofread, BackgroundProofread)},
}
HELD = 3  # clips whose frames are kept in memory: 97 MB each, at 81 frames of 832x480


@dataclass(frozen=True)
class Clips:
    """A build's folder, where tasks and gold lie in it, the network that draws its masks, if there is one, and whether
    its removals have evidence, which those of networks lack."""

    out: Path
    network: SegmenterNetwork | None = None
    evidence: bool = True

    @property
    def folder(self) -> Path:
        """Where the annotation has its own files."""
        return self.out / "annotation"

    def record(self, clip: str) -> Record:
        """The record of a clip. MissingError if there is none."""
        record = read_record(Layout(self.out).record("clip", clip))
        if record is None:
            raise MissingError("this clip is gone from the build; take the next task")
        return record

    def files(self, clip: str, name: str = "") -> dict[str, Path]:
        """The files of a clip, and of an object of it, by their names; gold has no others than the build makes."""
        if clip.startswith(GOLD):
            hidden = set() if self.evidence else {EVIDENCE}
            return {path.name: path for path in (self.folder / GOLD / clip).glob("*.mkv") if path.name not in hidden}
        record = self.record(clip)
        entries = [entry for key, entry in record.stages.items() if key.rpartition("/")[0] in ("", name)]
        return {Path(path).name: self.out / path for entry in entries for path in entry.files}

    def facts(self, clip: str, key: str) -> Mapping[str, Any]:
        """What a stage found; empty for gold, and where it did not run."""
        if clip.startswith(GOLD):
            return {}
        entry = self.record(clip).stages.get(key)
        return {} if entry is None else entry.facts

    def judged(self, gate: Gate, clip: str, name: str) -> dict[str, str]:
        """The fingerprints of what is shown of a clip, or of an object of it, at a gate; gold's look alike.

        MissingError if there is no such clip, or the build makes some of it anew: an answer that does not say of what
        it is would count for whatever comes of that."""
        if clip.startswith(GOLD):
            return {stage: fingerprint(clip, stage) for stage in JUDGED[gate]}
        stages = self.record(clip).stages
        keys = {stage: f"{name}/{stage}" if name else stage for stage in JUDGED[gate]}
        missing = {stage for stage, key in keys.items() if key not in stages}
        if missing and missing & {stage for stage, _, _ in build_status(self.out).counts}:
            raise MissingError("what is judged here is being made anew; take the next task, and come back later")
        return {stage: stages[key].fingerprint for stage, key in keys.items() if stage not in missing}

    def frames(self, clip: str) -> NDArray[np.uint8]:
        """The frames `[T,H,W,3]`."""
        return self.read(clip, "frames.mkv")

    def read(self, clip: str, file: str, name: str = "") -> NDArray[Any]:
        """What is in a file of a clip. MissingError if there is no such file."""
        return read_held(*self.path(clip, file, name))

    def path(self, clip: str, file: str, name: str = "") -> tuple[Path, int]:
        """A file of a clip, and when it changed, in nanoseconds. MissingError if there is no such file."""
        path = self.files(clip, name).get(file)
        if path is None or not path.is_file():
            raise MissingError(f"the clip has no {file}; is the build still at it?")  # ids tell what is gold
        return path, path.stat().st_mtime_ns

    def proposals(self, clip: str) -> list[tuple[int, NDArray[np.bool_]]]:
        """Frames and masks of what the engine proposes."""
        found = self.facts(clip, "propose").get("proposals", [])
        if not found:
            return []
        masks = self.read(clip, "proposals.mkv") > 127
        return [(one["frame"], mask) for one, mask in zip(found, masks, strict=True)]


@lru_cache(maxsize=HELD)
def read_held(path: Path, changed: int) -> NDArray[Any]:
    """Read a lossless clip, and hold the last few; `changed` is the file's time."""
    clip = read_lossless(path)
    clip.flags.writeable = False
    return clip

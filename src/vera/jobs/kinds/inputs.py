"""What jobs read: clips, projects and masks of the workspace, by the ids in their specs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from vera.errors import VeraError, brief
from vera.files import TEXT_LIMIT, read_json

if TYPE_CHECKING:
    from vera.layers import Stack
    from vera.video import Clip

LONGEST_RECORD = 1 << 28  # bytes: ten million frames of 20 digits each
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class _Options(BaseModel, strict=True):
    deinterlace: bool
    progressive: bool


class _ProxySize(BaseModel, strict=True):
    width: int
    height: int
    thumbnails: int


class _Probe(BaseModel, strict=True):
    width: int
    height: int
    frames: int
    times: list[float]
    audio: str | None
    notes: list[str]
    state: list[list[int]]
    options: _Options
    proxy: _ProxySize


class _ClipRecord(BaseModel, strict=True):
    """What is relied on of a clip's record, besides what its description checks."""

    path: str
    name: str
    created: float
    job: str | None
    probe: _Probe


@dataclass(frozen=True)
class Source:
    """A clip's file as it was when it was opened, and how it is read."""

    path: Path
    state: tuple[tuple[int, ...], ...]
    deinterlace: bool = False
    progressive: bool = False
    rate: Fraction | None = None


def checked_id(value: object) -> str:
    """Return an id that may be a part of a path. Raises VeraError for anything else."""
    if not is_id(value):
        raise VeraError(f"{brief(value)}: is no id")
    return str(value)


def is_id(value: object) -> bool:
    """Whether a value is an id that may be a part of a path."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def read_clip(path: Path) -> dict[str, Any]:
    """Read a clip's record, which holds the time of each frame; to be read only, as it is kept for the next call.

    Raises VeraError for one that was damaged.
    """
    return _read_clip(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _read_clip(path: Path, changed: int) -> dict[str, Any]:
    return read_checked(path, _ClipRecord, f"clip {path.parent.name}", "mend it", LONGEST_RECORD)


def read_checked(path: Path, kind: type[BaseModel], what: str, advice: str, limit: int = TEXT_LIMIT) -> dict[str, Any]:
    """Read a record that is of a `kind`, and may hold more. Raises VeraError, which begins with `what`, if not."""
    record: dict[str, Any] = read_json(path, limit)
    try:
        kind.model_validate(record)
    except ValidationError:
        raise VeraError(f"{what}: its {path.name} was damaged, or changed by hand; {advice}") from None
    return record


def clip_path(workspace: Path, clip: str, record: Mapping[str, Any]) -> Path:
    """Where a clip's file is. What lies in the workspace is named relative to it, which workers may have elsewhere."""
    path = workspace / str(record["path"])
    if path.parts[-3:-1] == ("clips", clip):  # an upload, of which older versions kept the whole path
        return workspace / "clips" / clip / path.name
    return path


def find_source(workspace: Path, clip: object) -> Source:
    """Find the file of a clip that was opened. Raises VeraError if the clip or its file is gone."""
    path = workspace / "clips" / checked_id(clip) / "clip.json"
    if not path.is_file():
        raise VeraError(f"clip {clip}: is no longer in the workspace; open it anew")
    record = read_clip(path)
    source, probe = clip_path(workspace, str(clip), record), record["probe"]
    if not source.exists():
        raise VeraError(f"{record['name']}: is no longer where it was, {source.parent}; put it back, or open it anew")
    options = probe["options"]
    state = tuple(tuple(part) for part in probe["state"])
    if source.parent == path.parent and len(state) == 1:  # an upload: a workspace on another disk has other inodes
        state = ((source.stat().st_ino, *state[0][1:]),)
    rate = options.get("rate")  # which records of older versions do not have
    return Source(source, state, options["deinterlace"], options["progressive"], rate and Fraction(rate))


def open_source(source: Source) -> "Clip":
    """Open a clip as it was opened first. Raises VeraError if its file is another one by now."""
    from vera.video import open_clip
    from vera.video.open import check_unchanged

    check_unchanged(source.path, source.state)  # type: ignore[arg-type]
    return open_clip(source.path, deinterlace=source.deinterlace, rate=source.rate, progressive=source.progressive)


def open_job_clip(workspace: Path, clip: object) -> "Clip":
    """Open the clip that a spec names. Raises VeraError as `find_source` and `open_source`."""
    return open_source(find_source(workspace, clip))


def project_folder(workspace: Path, spec: dict[str, Any]) -> Path:
    """Find the folder of a job's project. Raises VeraError if it is gone."""
    folder = workspace / "projects" / checked_id(spec.get("project"))
    if not folder.is_dir():
        raise VeraError(f"project {spec['project']}: is no longer in the workspace")
    return folder


def lut_path(workspace: Path, spec: dict[str, Any]) -> Path | None:
    """Find the LUT that shows the clip; None if the spec names none. Raises VeraError if it is gone."""
    if spec.get("lut") is None:
        return None
    folder = project_folder(workspace, spec) / "luts" / checked_id(spec["lut"])
    found = next(folder.glob("*.cube"), None)
    if found is None:
        raise VeraError(f"LUT {spec['lut']}: is no longer in the project; choose it anew")
    return found


def open_laid(workspace: Path, spec: dict[str, Any]) -> "Stack":
    """Open the layers as they were when a result was asked for. Raises VeraError as `open_stack`."""
    from vera.layers import open_stack

    return open_stack([laid_path(workspace, spec)])


def laid_path(workspace: Path, spec: dict[str, Any]) -> Path:
    """Find the copy of a project file that a result or an export is made of, beside the takes that it names."""
    return project_folder(workspace, spec) / laid_name(spec.get("file"))


def laid_name(file: object) -> str:
    """Name the copy of a project file that result or export `file` is made of. Raises VeraError for what is no id."""
    return f"laid-{checked_id(file)}.json"


def plain_stem(name: object) -> str:
    """A name, its letters of any script, as the stem of a file for every system: at most 160 bytes."""
    kept = re.sub(r"[^\w.-]+", "_", str(name)).encode()[:160].decode(errors="ignore")
    return kept.strip("._-") or "vera"

"""What judges are shown: an instruction, the source, and somebody's edit of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from vera.errors import VeraError, brief
from vera.files import TEXT_LIMIT, file_hash, parse_json, read_text

TEXTS = ("case", "instruction", "source", "result")
DEFAULTS = {"method": "", "task": ""}


@dataclass(frozen=True)
class JudgedCase:
    """One edit. `case` names source and instruction, `method` who made `result`; `task` groups cases, or is empty."""

    case: str
    instruction: str
    source: Path
    result: Path
    method: str = ""
    task: str = ""


def read_judged_cases(path: Path) -> list[JudgedCase]:
    """Read cases from JSONL: case, instruction, source and result, perhaps method and task, one edit a line.

    Clips are relative to the file. Raises VeraError, with the line, for what is missing, for a clip that is not there
    and for two edits of one case by one method.
    """
    cases: dict[tuple[str, str], JudgedCase] = {}
    for number, line in enumerate(read_text(path, TEXT_LIMIT).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        case = _case(parse_json(line, where), path.parent, where)
        if (case.case, case.method) in cases:
            raise VeraError(f"{where}: {case.case!r} has two results of {case.method or 'one method'}; keep one")
        cases[case.case, case.method] = case
    if not cases:
        raise VeraError(f"{path}: has no cases")
    return list(cases.values())


def edit_hash(case: JudgedCase) -> str:
    """Hash what every judge of an edit is shown: the instruction and the clips' bytes. VeraError as `file_hash`."""
    told = [case.instruction, clip_hash(case.source), clip_hash(case.result)]
    return hashlib.sha256(json.dumps(told).encode("ascii")).hexdigest()


def clip_hash(path: Path) -> str:
    """Return the SHA-256 of a clip, which is read once until it changes: sources are shared by many cases."""
    return _hash(path, path.stat().st_mtime_ns)


@cache
def _hash(path: Path, changed: int) -> str:
    """Return the SHA-256 of a file that was `changed` then."""
    return file_hash(path)


def _case(row: Any, folder: Path, where: str) -> JudgedCase:
    if not isinstance(row, dict):
        raise VeraError(f"{where}: is no JSON object")
    fields: Mapping[str, Any] = DEFAULTS | row
    for name in (*TEXTS, *DEFAULTS):
        value = fields.get(name)
        if not isinstance(value, str) or (name in TEXTS and not value.strip()):
            raise VeraError(f"{where}: {name} is a text, not {brief(value)}")
    source, result = folder / fields["source"], folder / fields["result"]
    for clip in (source, result):
        if not clip.is_file():
            raise VeraError(f"{where}: there is no clip {clip}")
    return JudgedCase(fields["case"], fields["instruction"], source, result, fields["method"], fields["task"])

"""The layout of the released data set, `netflix/Vera-Layered-Video-Dataset`, as its card describes it.

`vera-train-set/49-frames/SPLIT.jsonl` (and `81-frames`) has a row for each sample: the instruction and the paths of
five MP4 files, of which the mask may be missing. The rows of `49-frames` are windows of the clips of `81-frames`.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

from vera.data.sample import BadSample, Task
from vera.errors import VeraError
from vera.files import parse_json

SPLITS = (
    "realistic-set1-bg-change",
    "realistic-set1-obj-add",
    "realistic-set2-obj-add",
    "synthetic-bg-change",
    "synthetic-obj-add",
)
TASKS: dict[str, Task] = {"bg-change": "background_replace", "obj-add": "obj_add"}
TASK_NAMES = {task: name for name, task in TASKS.items()}
# As the card writes it, and as files were seen on the hub.
TRAINING_FOLDERS = ("vera-train-set", "train-set")
TEST_FOLDERS = ("vera-test-set", "test-set")
INSTRUCTION = "edit_instruction"
CLIPS = {
    "source": "input_video_path",
    "edit": "edit_rgb_path",
    "alpha": "edit_alpha_path",
    "composite": "composite_path",
    "mask": "mask_path",
}

_SURROGATE = re.compile("[\ud800-\udfff]")
_HASH = re.compile(r"[0-9a-f]{16,}")
_LAYER = re.compile(r"[_-](input|edit_rgb|edit_alpha|target_composite|composite|mask)$")
_WINDOW = re.compile(r"[_-]((w|win|window|part|seg|segment|clip)[_-]?\d+|\d+[_-]\d+)$")


@dataclass(frozen=True)
class Row:
    """One sample: its instruction, the paths of its clips as they are written, and where (`JSONL:line`) that was."""

    where: str
    instruction: str
    clips: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """Hash of the instruction and the clips' paths."""
        return sha256(repr((self.instruction, sorted(self.clips.items()))).encode()).hexdigest()[:16]

    @property
    def footage(self) -> str:
        """Name of the clip that the sample is a window of, by its files' names, such as MD5_w0_input.mp4."""
        stem = PurePosixPath(_composed(self.clips["source"]).replace("\\", "/")).stem
        if found := _HASH.search(stem):
            return found[0]
        return _WINDOW.sub("", _LAYER.sub("", stem))


def index_path(split: str, clip_frames: int, folder: str = TRAINING_FOLDERS[0]) -> str:
    """Where the rows of a split are, in the repository."""
    return f"{folder}/{clip_frames}-frames/{split}.jsonl"


def task_of(split: str) -> Task:
    """The task of a split, which the end of its name tells; VeraError if it does not."""
    for ending, task in TASKS.items():
        if split.endswith(ending):
            return task
    raise VeraError(f"data: {split}.jsonl: the name of a split ends in {' or '.join(TASKS)}, which tells its task")


def parse_fields(line: str, where: str) -> Mapping[str, Any]:
    """The object of a line, empty if it holds something else; BadSample if it is no JSON."""
    try:
        fields = parse_json(line, where)
    except VeraError:
        raise BadSample(f"{where}: is no JSON that can be read") from None
    return fields if isinstance(fields, dict) else {}


def check_texts(fields: Mapping[str, Any], names: Sequence[str], where: str) -> None:
    """BadSample unless all `names` are texts that are not empty."""
    missing = [name for name in names if not has_text(fields, name)]
    if missing:
        raise BadSample(f"{where}: has no {', '.join(missing)}")


def has_text(fields: Mapping[str, Any], name: str) -> bool:
    """Whether a field is a text that is not empty; JSON can also name half characters, which no file can hold."""
    text = fields.get(name)
    return isinstance(text, str) and bool(text.strip()) and not _SURROGATE.search(text)


def parse_row(line: str, where: str) -> Row:
    """A row of a training split; BadSample if a field is missing. The order of fields, and others, do not matter."""
    fields = parse_fields(line, where)
    check_texts(fields, [INSTRUCTION, *(name for clip, name in CLIPS.items() if clip != "mask")], where)
    clips = {clip: fields[name] for clip, name in CLIPS.items() if has_text(fields, name)}
    return Row(where, fields[INSTRUCTION], clips)


def held_out_rows(rows: Sequence[Row | BadSample], share: float) -> list[bool]:
    """Which rows, of all splits, are held out: about a `share` of the footage, by a hash, the same for every seed.

    Rows with the same footage or the same instruction stay together, so that no window of a clip that is trained on is
    held out. Rows that are none are not held out.
    """
    group: dict[str, str] = {}

    def find(name: str) -> str:
        while (above := group.setdefault(name, name)) != name:
            name = above
        return name

    for row in rows:
        if isinstance(row, Row):
            first, second = sorted((find(f"clip {row.footage}"), find(f"text {_composed(row.instruction)}")))
            group[second] = first  # so a clip, the first in the alphabet, names the group
    return [isinstance(row, Row) and _fraction(find(f"clip {row.footage}")) < share for row in rows]


def _composed(text: str) -> str:
    """A text in the one spelling of those that Unicode has for it."""
    return unicodedata.normalize("NFC", text)


def _fraction(name: str) -> float:
    return int.from_bytes(sha256(name.encode()).digest()[:4], "big") / 2**32

"""Layered samples in the layout of the released data set: five clips a sample, and a JSONL of rows to find them by."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from vera import resumable
from vera.data.released.layout import CLIPS, INSTRUCTION, TASK_NAMES, TEST_FOLDERS, index_path
from vera.data.sample import LayeredSample, Task
from vera.errors import VeraError
from vera.video import write_lossless
from vera.whole import whole_file

TEST_INDEX = "cases.jsonl"
FRAME_RATE = Fraction(16)  # Wan's own rate
NAMES = {
    "source": "input",
    "edit": "edit_rgb",
    "alpha": "edit_alpha",
    "composite": "target_composite",
    "mask": "mask",
}


def write_clips(sample: LayeredSample, root: Path, split: str, name: str) -> dict[str, Any]:
    """Write one sample's clips below `root`, lossless, replacing what was there; return its row, paths from `root`.

    They get their final names one after the other, when all are whole: only the row, which is added later, makes a
    sample of them. VeraError if the disk refuses.
    """
    folder = (root / index_path(split, len(sample.alpha))).with_suffix("")
    row: dict[str, Any] = {INSTRUCTION: sample.instruction, "edit_type": sample.task}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            for kind, field in CLIPS.items():
                frames = getattr(sample, kind)
                row[field] = None
                if frames is not None:
                    file = folder / f"{name}_{NAMES[kind]}.mp4"
                    write_lossless(stack.enter_context(whole_file(file)), frames, FRAME_RATE)
                    row[field] = file.relative_to(root).as_posix()
    except (av.FFmpegError, OSError) as error:
        raise VeraError(f"{folder}: sample {name} cannot be written ({error.strerror or error})") from None
    return row


@contextmanager
def begun_cases(root: Path, note: str, made: Mapping[str, Any], what: str) -> Iterator[None]:
    """Make the folders of a test set in `root`, note what it is `made` of in the file `note`, and hold it meanwhile.

    VeraError if the folder holds anything but `what` of these, or another process holds it.
    """
    if not (root / note).is_file() and root.exists() and (not root.is_dir() or any(map(_is_shown, root.iterdir()))):
        raise VeraError(f"{root}: holds something else: name another folder")
    with resumable.alone_in(root):
        resumable.keep_note(root / note, made, what)
        for task in TASK_NAMES:
            _case_folder(root, task).mkdir(parents=True, exist_ok=True)
        yield


def _is_shown(path: Path) -> bool:
    """Whether a file is none of those that a call leaves which was stopped before it had noted anything."""
    return not path.name.startswith(".")


def write_case(sample: LayeredSample, root: Path, name: str) -> dict[str, Any]:
    """Write one sample's clips below `root` as a case of a test set, lossless; return its row, for `add_case`."""
    folder = _case_folder(root, sample.task)
    row: dict[str, Any] = {"video_id": name, "prompt_id": "0", "prompt": sample.instruction, "edit_type": sample.task}
    for kind, field in (CLIPS | {"source": "input_path", "alpha": "alpha_path"}).items():
        frames = getattr(sample, kind)
        row[field] = None
        if frames is not None:
            file = folder / kind / f"{name}_{NAMES[kind]}.mp4"
            file.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(file) as partial:
                write_lossless(partial, frames, FRAME_RATE)
            row[field] = file.relative_to(folder).as_posix()
    return row


def add_case(row: Mapping[str, Any], root: Path) -> None:
    """Add the row of a case whose clips are whole."""
    resumable.append_row(_case_folder(root, row["edit_type"]) / TEST_INDEX, row)


def case_names(root: Path) -> set[tuple[Task, str]]:
    """The cases that were added."""
    indices = {task: _case_folder(root, task) / TEST_INDEX for task in TASK_NAMES}
    return {(task, str(row.get("video_id"))) for task, index in indices.items() for row in resumable.read_rows(index)}


def _case_folder(root: Path, task: Task) -> Path:
    """Where the cases of a task are."""
    return root / TEST_FOLDERS[0] / TASK_NAMES[task]


def append_row(row: dict[str, Any], root: Path, split: str, clip_frames: int) -> None:
    """Add the row of a sample whose clips are whole. VeraError if the disk refuses."""
    path = root / index_path(split, clip_frames)
    try:
        resumable.append_row(path, row)
    except OSError as error:
        raise VeraError(f"{path}: a row cannot be written ({error.strerror or error}); the same call goes on") from None

"""The test set of the released data set, or a rendered one in its layout: clips and instructions to edit them by.

`vera-test-set/bg-change/*.jsonl` and `vera-test-set/obj-add/*.jsonl` have a row for each pair of clip and instruction.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vera.data.released.files import Files, open_files
from vera.data.released.layout import CLIPS, TASKS, TEST_FOLDERS, check_texts, has_text, parse_fields
from vera.data.sample import BadSample, Task
from vera.errors import VeraError

FACTS = ("noun", "place", "scene")


@dataclass(frozen=True)
class TestClip:
    """A clip to edit. `mask` is white on the subject to preserve; `subject` is person, people or None.

    The published rows may have a true `alpha`. `edit` and `composite`, and what the edit is of in `facts` (`noun`,
    `place`, `scene`), are those of rendered test sets.
    """

    __test__ = False  # pytest looks for classes of such names

    video_id: str
    prompt_id: str
    task: Task
    source: Path
    instruction: str
    source_caption: str | None
    target_caption: str | None
    subject: str | None
    mask: Path | None
    alpha: Path | None
    edit: Path | None = None
    composite: Path | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


def read_test_set(path: str) -> Iterator[TestClip]:
    """The test clips of a folder, or of a data set on the hub, each fetched when it is reached.

    VeraError where there are none, and for a row that names no clip or no instruction.
    """
    files = open_files(path)
    empty = True
    for name, task in TASKS.items():
        for index in _indices(files, name):
            for number, line in files.lines(index):
                yield _parse(files, line, index, number, task)
                empty = False
    if empty:
        raise VeraError(f"data: {path} has no {TEST_FOLDERS[0]}/{{{','.join(TASKS)}}}/*.jsonl with rows")


def _indices(files: Files, name: str) -> list[str]:
    for top in TEST_FOLDERS:
        if found := files.all_indices(f"{top}/{name}"):
            return [f"{top}/{name}/{stem}.jsonl" for stem in found]
    return []


def _parse(files: Files, line: str, index: str, number: int, task: Task) -> TestClip:
    where = f"{index}:{number}"
    try:
        fields = parse_fields(line, where)
        check_texts(fields, ["input_path", "prompt"], where)
    except BadSample as error:
        raise VeraError(f"data: {error}") from None

    def clip(name: str) -> Path | None:
        try:
            return files.find(fields[name], index) if has_text(fields, name) else None
        except VeraError as error:
            raise VeraError(f"data: {where}: {error}") from None

    source = clip("input_path")
    assert source is not None
    return TestClip(
        video_id=_word(fields, "video_id") or source.stem,
        prompt_id=_word(fields, "prompt_id") or str(number),
        task=task,
        source=source,
        instruction=fields["prompt"],
        source_caption=_word(fields, "source_caption"),
        target_caption=_word(fields, "target_caption"),
        subject=_word(fields, "subject_type"),
        mask=clip("mask_path"),
        alpha=clip("alpha_path"),
        edit=clip(CLIPS["edit"]),
        composite=clip(CLIPS["composite"]),
        facts={name: word for name in FACTS if (word := _word(fields, name))},
    )


def _word(fields: Mapping[str, Any], name: str) -> str | None:
    """A field as text: ids may be numbers. None if it is missing or null."""
    value = fields.get(name)
    return None if value is None else str(value)

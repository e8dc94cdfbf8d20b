"""The mini-benchmark: rendered cases with true layers, in the layout of the released test set."""

from functools import cache
from pathlib import Path
from typing import Any

from vera.data.released.layout import CLIPS, TASKS, TEST_FOLDERS
from vera.data.released.writer import FRAME_RATE, NAMES
from vera.data.sample import Task
from vera.data.synthesis import SyntheticLayers
from vera.data.synthesis.cases import EvaluationCase, evaluation_cases
from vera.data.synthesis.vocabulary import ASSETS, PLACES, SCENES, SIZES
from vera.errors import VeraError
from vera.files import check_outputs, whole_file
from vera.progress import Progress
from vera.resumable import append_row, keep_note, read_rows
from vera.video import write_lossless
from vera.workers import share_out

# Unicode names of things that no recipe trains on (tests/evaluation/cases/test_mini.py compares).
OBJECTS = (
    "tiger", "snail", "trumpet", "tractor", "dromedary camel", "rooster", "carrot", "motor scooter", "violin", "crab",
    "kangaroo", "flamingo", "lobster", "hedgehog", "lemon", "peacock", "shark", "saxophone", "avocado", "canoe",
)  # fmt: skip
INDEX = "cases.jsonl"
COUNT, FRAMES, SIZE = 60, 49, (416, 240)  # as many frames as the published clips, half as wide and half as high
FIELDS = {task: f"{TEST_FOLDERS[0]}/{name}" for name, task in TASKS.items()}


def render_mini(
    out: Path,
    count: int = COUNT,
    frames: int = FRAMES,
    size: tuple[int, int] = SIZE,
    assets: str = ASSETS,
    objects: tuple[str, ...] = OBJECTS,
    workers: int = 1,
    progress: Progress | None = None,
) -> int:
    """Render `count` cases, half of each task, into `out`; returns how many there are now.

    Objects, wordings, photographs and the parts of the panoramas are such as no training of Vera's shows. Equal
    arguments give equal bytes. The same call goes on with a rendering that was stopped. VeraError for missing assets, a
    size or a count that cannot be, and for a folder that holds something else.
    """
    if count < 2 or frames < 1 or (frames - 1) % 4 or any(side < 16 or side % 16 for side in size):
        raise VeraError(
            f"the mini-benchmark has at least 2 cases, of 1 + 4k frames, of sides that are multiples of 16, not "
            f"{count} of {frames} frames of {size[0]}x{size[1]}"
        )
    check_outputs([Path(assets)], [out])
    _layers(assets, objects)  # which refuses what is missing, before anything is written
    _keep_to(out, {"count": count, "frames": frames, "size": list(size), "objects": list(objects)})
    cases = evaluation_cases(count, objects, frames, *size)
    rows = {task: _rows(out, task) for task in TASKS.values()}
    missing = [(out, case, assets, objects) for case in cases if _name(case) not in rows[case.task]]
    for done, (case, row) in enumerate(share_out(_render, missing, workers, ordered=True), 1):
        append_row(out / FIELDS[case.task] / INDEX, row)
        if progress is not None:
            progress("render", done, len(missing))
    return len(cases)


def caption(case: EvaluationCase) -> str:
    """What a finished case shows, in a sentence."""
    if case.scene is not None:
        return f"A {case.noun} in front of {SCENES[case.scene][0]}."
    size = SIZES[case.size][0]
    words = " ".join(word for word in (size, case.color, case.noun) if word)
    article = "An" if words[0] in "aeiou" else "A"
    return f"{article} {words} {PLACES[case.place][0]}."


def _render(out: Path, case: EvaluationCase, assets: str, objects: tuple[str, ...]) -> tuple[EvaluationCase, Any]:
    """Render a case; returns its row."""
    sample = _layers(assets, objects).load(case.key)
    folder, name = out / FIELDS[case.task], _name(case)
    row: dict[str, Any] = {
        "video_id": name,
        "prompt_id": "0",
        "prompt": case.instruction,
        "edit_type": case.task,
        "target_caption": caption(case),
        "subject_type": None,
        "noun": case.noun if case.scene is None else None,
        "place": case.place if case.scene is None else None,
        "scene": case.scene,
    }
    for kind, field in (CLIPS | {"source": "input_path", "alpha": "alpha_path"}).items():
        clip = getattr(sample, kind)
        row[field] = None
        if clip is not None:
            file = folder / kind / f"{name}_{NAMES[kind]}.mp4"
            file.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(file) as partial:
                write_lossless(partial, clip, FRAME_RATE)
            row[field] = file.relative_to(folder).as_posix()
    return case, row


@cache
def _layers(assets: str, objects: tuple[str, ...]) -> SyntheticLayers:
    return SyntheticLayers(objects, assets=assets, held_out=True)


def _name(case: EvaluationCase) -> str:
    return f"mini{case.index:03}"


def _rows(out: Path, task: Task) -> set[str]:
    return {str(row.get("video_id")) for row in read_rows(out / FIELDS[task] / INDEX)}


def _keep_to(out: Path, made: dict[str, Any]) -> None:
    """VeraError if the folder holds anything but a rendering of these arguments; else note them."""
    note = out / "mini.json"
    if not note.is_file() and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise VeraError(f"{out}: holds something else: name another folder")
    for folder in FIELDS.values():
        (out / folder).mkdir(parents=True, exist_ok=True)
    keep_note(note, made, "a mini-benchmark")

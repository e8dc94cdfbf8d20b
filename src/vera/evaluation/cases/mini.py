"""The mini-benchmark: rendered cases with true layers, in the layout of the released test set."""

from functools import cache
from pathlib import Path
from typing import Any

from vera.data.released.writer import add_case, begun_cases, case_names, write_case
from vera.data.synthesis import SyntheticLayers
from vera.data.synthesis.cases import EvaluationCase, evaluation_cases
from vera.data.synthesis.vocabulary import ASSETS, PLACES, SCENES, SIZES
from vera.errors import VeraError
from vera.files import check_outputs
from vera.progress import Progress
from vera.workers import share_out

# Unicode names of things that no recipe trains on (tests/evaluation/cases/test_mini.py compares).
OBJECTS = (
    "tiger", "snail", "trumpet", "tractor", "dromedary camel", "rooster", "carrot", "motor scooter", "violin", "crab",
    "kangaroo", "flamingo", "lobster", "hedgehog", "lemon", "peacock", "shark", "saxophone", "avocado", "canoe",
)  # fmt: skip
COUNT, FRAMES, SIZE = 60, 49, (416, 240)  # as many frames as the published clips, half as wide and half as high


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
    made = {"count": count, "frames": frames, "size": list(size), "objects": list(objects)}
    cases = evaluation_cases(count, objects, frames, *size)
    with begun_cases(out, "mini.json", made, "a mini-benchmark"):
        held = case_names(out)
        missing = [(out, case, assets, objects) for case in cases if (case.task, _name(case)) not in held]
        for done, row in enumerate(share_out(_render, missing, workers, ordered=True), 1):
            add_case(row, out)
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


def _render(out: Path, case: EvaluationCase, assets: str, objects: tuple[str, ...]) -> dict[str, Any]:
    """Render a case; returns its row."""
    return {
        **write_case(_layers(assets, objects).load(case.key), out, _name(case)),
        "target_caption": caption(case),
        "subject_type": None,
        "noun": case.noun if case.scene is None else None,
        "place": case.place if case.scene is None else None,
        "scene": case.scene,
    }


@cache
def _layers(assets: str, objects: tuple[str, ...]) -> SyntheticLayers:
    return SyntheticLayers(objects, assets=assets, held_out=True)


def _name(case: EvaluationCase) -> str:
    return f"mini{case.index:03}"

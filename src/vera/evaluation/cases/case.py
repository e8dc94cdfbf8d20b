"""What a method is asked."""

from dataclasses import dataclass

from vera.data.sample import Task
from vera.data.synthesis.cases import EvaluationCase


@dataclass(frozen=True, kw_only=True)
class Case:
    """An instruction, and what is known of the edit that it asks for.

    Args:
        id: names the case in records, files and tables.
        task, instruction: as in the published data.
        caption: what the finished edit shows; None where nobody wrote it.
        noun, place: the class of the object to add and where it is to stand, a key of `PLACES`; None where unknown.
        scene: the new background, a key of `SCENES`; None where it is none of these.
    """

    id: str
    task: Task
    instruction: str
    caption: str | None = None
    noun: str | None = None
    place: str | None = None
    scene: str | None = None


def synthetic_case(case: EvaluationCase) -> Case:
    """Return what a synthetic case asks, by its number."""
    adds = case.task == "obj_add"
    return Case(
        id=f"{case.index:04}",
        task=case.task,
        instruction=case.instruction,
        noun=case.noun if adds else None,
        place=case.place if adds else None,
        scene=case.scene,
    )

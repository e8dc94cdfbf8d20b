"""Answers of each gate: from what a page sends, and the draft, to what a line of the log says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from vera.annotation.draft import Draft
from vera.annotation.store.store import Gate
from vera.construction.decisions import check_row
from vera.construction.formats.mend import NOTHING
from vera.construction.stages.proofread import check_edited
from vera.errors import VeraError
from vera.fields import Name, Range, build, check_plain

REASONS: Mapping[Gate, tuple[str, ...]] = {
    "annotate": ("nothing to lift out", "out of focus", "cut or damaged", "people do not want to be seen", "other"),
    "filter": ("ghost", "shadow left", "blur", "flicker", "wrong mask", "other"),
    "curate": ("holes", "hard edges", "background in it", "flicker", "wrong mask", "other"),
    "proofread": ("not what is to be seen", "other"),
    "background_proofread": ("not what is to be seen", "other"),
}
Text = Annotated[str, Range(0, 1500)]


@dataclass(frozen=True)
class Said:
    """What a page sends when somebody is done.

    Args:
        accept: whether the clip, removal, matte or words are taken; objects and mends of a matte come from the events.
        reason: why not.
        scene: of curate: words for what is behind the object.
        instruction, before, after: of proofread: the words as they are to be.
        of: what the page showed, as `Clips.judged` says.
    """

    accept: bool
    reason: Annotated[str, Range(0, 200)] = ""
    scene: Annotated[str, Range(0, 200)] = ""
    instruction: Text = ""
    before: Text = ""
    after: Text = ""
    of: dict[Name, Name] = field(default_factory=dict)


def make_answer(gate: Gate, value: Mapping[str, Any], draft: Draft) -> dict[str, Any]:
    """What is decided at a gate. VeraError for what a log would not take, and says what is missing."""
    check_plain(dict(value), "answer")
    said: Said = build(Said, value, "answer")
    if not said.accept and not said.reason.strip():
        raise VeraError("say why: choose a reason")
    answer = _annotated(said, draft) if gate == "annotate" else _judged(gate, said, draft)
    if of := {stage: made for stage, made in said.of.items() if stage != "propose" or _takes_proposals(answer)}:
        answer["of"] = of
    check_row({"clip": "0" * 16, "gate": gate, "by": "-", **({} if gate == "annotate" else {"object": "o1"}), **answer})
    return answer


def _annotated(said: Said, draft: Draft) -> dict[str, Any]:
    if not said.accept:
        return {"unusable": said.reason.strip()}
    if not draft.objects:
        raise VeraError("nothing is chosen: click on an object, or call the clip unusable")
    for number, chosen in draft.objects.items():
        if not chosen.noun:
            raise VeraError(f"object {number} has no name: write what it is, such as walking man")
        if not chosen.prompts and chosen.proposal is None:
            raise VeraError(f"object {number} ({chosen.noun}) is nowhere: click on it")
    return {"objects": [draft.chosen(number) for number in sorted(draft.objects)]}


def _takes_proposals(answer: Mapping[str, Any]) -> bool:
    """Whether an answer hangs on what the engine proposed, and not on the clip alone."""
    return any("proposal" in chosen for chosen in answer.get("objects", ()))


def _judged(gate: Gate, said: Said, draft: Draft) -> dict[str, Any]:
    answer: dict[str, Any] = {"accept": said.accept}
    if not said.accept:
        return {**answer, "reason": said.reason.strip()}
    if gate == "curate":
        levels = {} if draft.levels == NOTHING.levels else {"levels": list(draft.levels)}
        lists = {"parts": [list(part) for part in draft.parts], "strokes": list(draft.strokes)}
        said_lists = {name: held for name, held in lists.items() if held}
        return {**answer, **levels, **said_lists, **({"scene": said.scene.strip()} if said.scene.strip() else {})}
    if gate.endswith("proofread"):
        words = {name: getattr(said, name).strip() for name in ("instruction", "before", "after")}
        kept = {name: text for name, text in words.items() if text}
        check_edited(gate, kept)
        return {**answer, **kept}
    return answer

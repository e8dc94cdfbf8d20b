"""What people decided, as JSONL: read, checked and kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from vera.construction.engine.stage import Facts
from vera.construction.formats.mend import NOTHING, read_mend
from vera.errors import VeraError
from vera.fields import Name, Range, Share, build, check_plain
from vera.files import read_bytes
from vera.resumable import LIMIT, parse_rows, whole_rows
from vera.whole import locked, whole_file

Pixel = Annotated[int, Range(-(1 << 16), 1 << 16)]
Point = tuple[Pixel, Pixel]


@dataclass(frozen=True)
class Prompt:
    """What a person pointed at in a frame: `box` x, y, width, height; `plus` and `minus` (x, y) on the object and
    beside it; `mask`, COCO's run lengths, that was painted or imported, or that the clicks correct."""

    frame: Annotated[int, Range(0, 1 << 16)]
    box: tuple[Pixel, Pixel, Pixel, Pixel] | None = None
    plus: tuple[Point, ...] = ()
    minus: tuple[Point, ...] = ()
    mask: Annotated[str, Range(1, 1 << 20)] | None = None


@dataclass(frozen=True)
class Chosen:
    """An object that a person chose.

    Args:
        noun: what it is, in the singular.
        prompts: where it is, at least one unless a `proposal` is taken.
        proposal: number of the engine's proposal that shows it.
        moving: follow it by what changes against the background, not by its colours.
        barriers: frames that its mask is not carried into.
    """

    noun: Annotated[str, Range(1, 80)]
    prompts: tuple[Prompt, ...] = ()
    proposal: Annotated[int, Range(0, 1000)] | None = None
    moving: bool = False
    barriers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Decision:
    """A line of a log: who decided what of a clip, or of an object of it, when.

    `annotate` has `objects`, or `unusable` with a reason. All others have `accept`, and a `reason` if not: `filter` of
    a removal, `curate` of a matte, `proofread` of the words, `background_proofread` of those of a replaced background.
    `curate` perhaps has `parts`, `levels` and `strokes` that mend the matte (`Mend`), and words for the `scene` behind
    the object; those of words the `instruction`, and captions `before` and `after`, where they are to be others.

    `of` has the fingerprints of what was judged, by the stages that made it: once it would be made otherwise, the
    decision does not count, and the last one before it that does is taken. Without it, it always does.
    """

    clip: Annotated[str, Range(16, 16)]
    gate: Literal["annotate", "filter", "curate", "proofread", "background_proofread"]
    by: Name
    object: str = ""
    at: str = ""
    of: dict[Name, Name] = field(default_factory=dict)
    objects: tuple[Chosen, ...] = ()
    unusable: str = ""
    accept: bool | None = None
    reason: str = ""
    scene: Annotated[str, Range(0, 200)] = ""
    parts: tuple[tuple[Pixel, Pixel, Pixel], ...] = ()
    levels: tuple[Share, Share] = NOTHING.levels
    strokes: tuple[Any, ...] = ()
    instruction: Annotated[str, Range(10, 400)] | None = None
    before: Annotated[str, Range(10, 1500)] | None = None
    after: Annotated[str, Range(10, 1500)] | None = None


def read_decisions(paths: Iterable[Path]) -> dict[tuple[str, str, str], list[Facts]]:
    """The decisions of several logs, by clip, object and gate, in their order. Those are left out that count only where
    a later one does.

    Raises VeraError, with the line, for what is none.
    """
    found: dict[tuple[str, str, str], list[Facts]] = {}
    for path in paths:
        if not path.is_file():
            raise VeraError(f"{path}: there is no such log of decisions")
        _add(found, whole_rows(path, mend=False), path)
    return found


def _add(found: dict[tuple[str, str, str], list[Facts]], log: bytes, path: Path) -> None:
    for number, row in parse_rows(log, path):
        decision = check_row(row, f"{path}:{number}")
        content = {name: value for name, value in row.items() if name not in ("clip", "object", "gate")}
        before = found.get((decision.clip, decision.object, decision.gate), [])
        kept = [one for one in before if not decision.of.items() <= one.get("of", {}).items()]
        found[decision.clip, decision.object, decision.gate] = [*kept, content]


def check_row(row: Mapping[str, Any], where: str = "decision") -> Decision:
    """Read a line of a log. VeraError, which begins with `where`, for what is none."""
    check_plain(dict(row), where)
    decision: Decision = build(Decision, row, where)
    if decision.gate == "annotate":
        if bool(decision.objects) == bool(decision.unusable) or decision.object:
            raise VeraError(f"{where}: annotate is of a clip, and has either objects or unusable, a reason")
        if any(not chosen.prompts and chosen.proposal is None for chosen in decision.objects):
            raise VeraError(f"{where}: an object has prompts, or the number of a proposal")
    elif decision.accept is None or not decision.object:
        raise VeraError(f"{where}: {decision.gate} is of an object, such as o1, and has accept: true or false")
    try:
        mend = read_mend(vars(decision))
    except VeraError as error:
        raise VeraError(f"{where}: {error}") from None
    if decision.gate != "curate" and (decision.scene or mend != NOTHING):
        raise VeraError(f"{where}: scene, parts, levels and strokes are of curate, not of {decision.gate}")
    words = [text for text in (decision.instruction, decision.before, decision.after) if text is not None]
    if words and not decision.gate.endswith("proofread"):
        raise VeraError(f"{where}: words are of proofread, not of {decision.gate}")
    return decision


def import_decisions(log: Path, folder: Path) -> int:
    """Add the decisions of a log to those of a build, whole or not at all; of how many things."""
    found: dict[tuple[str, str, str], list[Facts]] = {}
    content = read_bytes(log, LIMIT)
    _add(found, content, log)  # before anything is made, and of the last line, too
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder), whole_file(next_log(folder)) as partial:  # no other log gets the number meanwhile
        partial.write_bytes(content.rstrip(b"\n") + b"\n")
    return len(found)


def next_log(folder: Path) -> Path:
    """Where the next log of a build goes, after all that it has."""
    number = 1 + max(map(_number, folder.glob("*.jsonl")), default=0)
    return folder / f"{number:06}.jsonl"


def held_decisions(folder: Path) -> list[Path]:
    """The logs of a build, in the order in which they were imported, after those that were laid there under a name."""
    logs = [path for path in folder.glob("*.jsonl") if not path.name.startswith(".")]
    return sorted(logs, key=lambda path: (_number(path), path.name))


def _number(log: Path) -> int:
    return int(log.stem) if log.stem.isdecimal() else 0

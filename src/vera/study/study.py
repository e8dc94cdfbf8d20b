"""A study as it lies in its folder: the design, the pairs of clips, the words that raters read."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Question = Literal["preservation", "compliance", "quality"]
QUESTIONS: tuple[Question, ...] = ("preservation", "compliance", "quality")
Side = Literal["left", "right"]
Kind = Literal["pair", "catch", "repeat"]

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=1000)]


class Rules(Struct, frozen=True):
    """When a rater's answers are left out, fixed before anybody is asked.

    Args:
        missed: catch trials missed, of which so many exclude.
        side: share of answers for one side that excludes, if chance alone gives it less often than `side_p`.
        side_p: that chance, by the exact binomial test.
        done: share of trials that must be answered.
    """

    missed: Count = 2
    side: Share = 0.9
    side_p: Share = 0.001
    done: Share = 0.8


class Design(Struct, frozen=True):
    """How many of everything: `raters` planned, and what each of them meets.

    `trials` are pairs of different cases, `catches` obvious pairs, `repeats` trials shown again with sides swapped.
    """

    raters: Annotated[int, Meta(ge=1, le=10_000)] = 19
    trials: Annotated[int, Meta(ge=1, le=1000)] = 27
    catches: Count = 3
    repeats: Count = 3
    rules: Rules = field(default_factory=Rules)

    @property
    def length(self) -> int:
        """How many trials a rater meets in all."""
        return self.trials + self.catches + self.repeats


class Item(Struct, frozen=True):
    """A packed video: the source over two results.

    Args:
        id: names the file in `media/`; it tells nothing.
        case, task, instruction: of the evaluation that it comes from.
        baseline: the number of the method that the reference is compared with; -1 of a catch.
        reference: which result, the first (upper) or the second, is the reference's, or a catch's undamaged one.
        size: width and height of a picture in pixels; the first begins at row `top`, the others `rows` further each.
        frames: how many there are, in `seconds` of time.
        sha256: of the file.
    """

    id: str
    case: str
    task: str
    instruction: str
    baseline: int
    reference: Literal["first", "second"]
    size: tuple[int, int]
    top: int
    rows: int
    frames: int
    seconds: float
    sha256: str


class Texts(Struct, frozen=True):
    """What raters read: a title, what they consent to, whom to write to, where they go when they are done."""

    title: str = "Which edit is better?"
    consent: str = (
        "You will see short video clips and, below each, two edited versions of it. For each pair you answer three "
        "questions by choosing one of the two. Your choices, the times they took, how often you replayed a clip and "
        "the size of your window are recorded. Your name and address are not. You may stop at any time, and delete "
        "everything that was recorded by the code that you are given."
    )
    contact: str = ""
    completion: str = ""


class Study(Struct, frozen=True):
    """Everything that the server of a study needs; the methods' names are in the unblinding key alone."""

    id: str
    seed: int
    design: Design
    texts: Texts
    cases: tuple[str, ...]
    baselines: int
    items: tuple[Item, ...]
    created: str = field(default_factory=lambda: date.today().isoformat())
    format: Literal[1] = 1

    def item(self, id: str) -> Item:
        """Return the item of that id. KeyError if there is none."""
        return {item.id: item for item in self.items}[id]


class Key(Struct, frozen=True):
    """The unblinding key: which methods were compared. It stays on disk."""

    reference: str
    baselines: tuple[str, ...]


class Trial(Struct, frozen=True):
    """What a rater meets: an item, with its second result on the left if `swapped`.

    `repeats` is the number of the trial that a repeat shows again.
    """

    item: str
    kind: Kind
    swapped: bool
    repeats: int | None = None

    def chose_first(self, side: Side) -> bool:
        """Whether a choice of a side was one of the upper result."""
        return (side == "left") != self.swapped

    def chose_reference(self, side: Side, item: Item) -> bool:
        """Whether a choice of a side was one of the reference's result, or of a catch's undamaged one."""
        return self.chose_first(side) == (item.reference == "first")

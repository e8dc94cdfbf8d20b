"""What a stage of the data engine is, what it is given, and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from vera.errors import VeraError

Kind = Literal["source", "clip", "object"]
Facts = Mapping[str, Any]  # JSON
HOW = {"how": True}  # metadata of fields that say how a stage runs, not what it makes


class BuildStopError(VeraError):
    """What no run of a stage can go on with, such as an endpoint that cannot be reached: the build ends with the line,
    and it costs no try."""


@dataclass(frozen=True)
class Model:
    """A network that touches samples: its name, the revision of its weights, and the licence of what it makes."""

    name: str
    revision: str
    licence: str


@dataclass(frozen=True)
class Resources:
    """What one run takes of a machine: cores and GPUs, of which it may take a part."""

    cpus: float = 1
    gpus: float = 0


@dataclass(frozen=True)
class Item:
    """What a stage works on.

    Args:
        id: of the source or clip; `object` its object's name (o1, o2, ...), empty for others.
        about: what the record says of it: a source's path and licence, a clip's source and times.
        source: the same of the source that a clip is from.
        facts: by stage, what the stages that are needed found.
        files: by name, what they wrote.
        out: an empty folder for what this stage writes.
        cache: a folder of the build that all runs share, for what is paid for once.
        decision: what a person, or the engine, said of it; None for stages that do not wait.
    """

    id: str
    object: str
    about: Facts
    source: Facts
    facts: Mapping[str, Facts]
    files: Mapping[str, Path]
    out: Path
    cache: Path
    decision: Facts | None = None


@dataclass(frozen=True)
class Done:
    """A stage that has done its work, and what it found: JSON, small."""

    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True)
class Rejected:
    """A source, clip or object that is not used: a reason of a few words to count by, and a line of detail."""

    reason: str
    detail: str = ""
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True)
class Later:
    """A run that needs what comes from outside, such as replies to a batch: the next build tries it again."""


class Stage(Protocol):
    """A step of the work on each source, clip or object. Its dataclass fields are its parameters; those
    with the metadata `HOW` do not count when it is asked whether what it made is still good.

    `name` is unique, `version` counts changes of what it makes with its network or without, `kind` is what it works on,
    `needs` names the stages whose facts and files it is given; of another kind, they only come before it. `waits`: for
    a decision of `people`, or until `all` clips have what this one needs, so that they can be compared. `models` touch
    its samples, `method` names the first one's kind, empty for the embedded steps, `resources` are what a run takes.
    Files go into the unit's own folder, or into the data set, where rows tell of them in a `split`.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    needs: ClassVar[tuple[str, ...]]
    waits: ClassVar[Literal["", "people", "all"]]
    split: ClassVar[str]

    @property
    def version(self) -> int:
        """How often what it makes has changed."""

    @property
    def models(self) -> tuple[Model, ...]:
        """The networks that touch its samples."""

    @property
    def method(self) -> str:
        """The kind of its network."""

    @property
    def resources(self) -> Resources:
        """What a run takes."""

    def setup(self) -> None:
        """Load what every run needs, such as weights: once in a process."""

    def run(self, item: Item) -> Done | Rejected | Later:
        """Work on one item. An exception is a failure, which is tried again."""


class Plain:
    """The traits that most stages have: no gate, no model, files in the unit's own folder, nothing to load."""

    needs: ClassVar[tuple[str, ...]] = ()
    waits: ClassVar[Literal["", "people", "all"]] = ""
    split: ClassVar[str] = ""

    @property
    def version(self) -> int:
        """The first."""
        return 1

    @property
    def models(self) -> tuple[Model, ...]:
        """None."""
        return ()

    @property
    def method(self) -> str:
        """The embedded one."""
        return ""

    @property
    def resources(self) -> Resources:
        """One core."""
        return Resources()

    def setup(self) -> None:
        """Load nothing."""

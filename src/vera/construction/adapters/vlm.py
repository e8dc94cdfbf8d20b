"""Vision-language models as stages ask them: at any endpoint, live or by batch files, and nothing twice."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from vera.construction.engine.stage import HOW, BuildStopError, Model, Resources
from vera.errors import VeraError
from vera.fields import Name, Range
from vera.vlm import Client, Endpoint, Outcome, Question, ReplyCache, image_parts, text_part
from vera.vlm.question import Answer, Part

Count = Annotated[int, Range(1, 64)]


@dataclass(frozen=True)
class VlmNetwork:
    """A vision-language model at an endpoint that speaks OpenAI's chat completions.

    Args:
        licence: of what it writes: an SPDX identifier.
        revision: of its weights, if the endpoint has several under one name.
        frames: of each of the two clips, that it is shown.
        key_variable: the environment variable that holds the endpoint's key.
        batch: send nothing; what has no reply waits for those to batch files (`vera.construction.batches`).
    """

    url: Name = field(metadata=HOW)
    name: Name
    licence: Name
    revision: str = ""
    frames: Count = 8
    structured: Literal["schema", "object", "none"] = "schema"
    max_tokens: Annotated[int, Range(64, 32_768)] = 1024
    key_variable: str | None = field(default=None, metadata=HOW)
    requests_per_minute: float | None = field(default=None, metadata=HOW)
    batch: bool = field(default=False, metadata=HOW)
    kind: Literal["vlm"] = "vlm"

    def __post_init__(self) -> None:
        Endpoint(self.url, self.name)  # raises for what cannot be right

    @property
    def models(self) -> tuple[Model, ...]:
        """What rows and fingerprints say of it."""
        return (Model(self.name, self.revision, self.licence),)

    @property
    def resources(self) -> Resources:
        """A tenth of a core: it waits."""
        return Resources(cpus=0.1)

    @property
    def endpoint(self) -> Endpoint:
        """Where and how it is asked."""
        return Endpoint(
            self.url,
            self.name,
            self.key_variable,
            max_tokens=self.max_tokens,
            structured=self.structured,
            requests_per_minute=self.requests_per_minute,
        )


def ask_model(network: VlmNetwork, cache: Path, question: Question[Answer]) -> Outcome[Answer]:
    """Ask a question; what was asked before, by the build whose cache this is, is not paid for again.

    BuildStopError for what would spoil any question: no connection, a wrong key, no such model.
    """
    try:
        return _client(network, cache).ask(question)
    except VeraError as error:
        raise BuildStopError(str(error)) from None


def before_and_after(network: VlmNetwork, before: Path, after: Path) -> list[Part]:
    """Two clips in a question."""
    shown = (text_part("Before:"), *image_parts(before, network.frames))
    return [*shown, text_part("After:"), *image_parts(after, network.frames)]


def held_replies(cache: Path) -> ReplyCache:
    """The replies in a build's cache."""
    return ReplyCache(cache / "vlm")


@cache
def _client(network: VlmNetwork, folder: Path) -> Client:
    return Client(network.endpoint, held_replies(folder), live=not network.batch)

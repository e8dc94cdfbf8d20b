"""Stages that a network may do."""

from typing import Any, Generic, Protocol, TypeVar

from vera.construction.engine.stage import Model, Plain, Resources


class Named(Protocol):
    """A network as a recipe names it."""

    @property
    def kind(self) -> Any:
        """Which adapter it wants."""

    @property
    def models(self) -> tuple[Model, ...]:
        """What rows and fingerprints say of it, and of what it runs with."""

    @property
    def resources(self) -> Resources:
        """What a run takes."""


Chosen = TypeVar("Chosen", bound=Named)


class Networked(Plain, Generic[Chosen]):
    """A stage that does its work by the embedded steps, or by the `network` that its section of the recipe names."""

    network: Chosen | None

    @property
    def models(self) -> tuple[Model, ...]:
        """The network, if there is one, and what it runs with."""
        return () if self.network is None else self.network.models

    @property
    def method(self) -> str:
        """Its kind."""
        return "" if self.network is None else str(self.network.kind)

    @property
    def resources(self) -> Resources:
        """What it takes, or one core."""
        return Resources() if self.network is None else self.network.resources

"""An adjustment as JSON: the fields and ranges of `vera.layers.adjust.Adjustment`, whose module the server needs not
import to say them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from vera.studio.schema.base import Body, Id, Position

Unit = Annotated[float, Field(ge=0, le=1)]
Coordinate = Annotated[float, Field(ge=-32768, le=32768)]
Shift = Annotated[float, Field(ge=-1e6, le=1e6)]
Lift = Annotated[float, Field(ge=-1, le=1)]
Gamma = Annotated[float, Field(ge=0.01, le=100)]
Gain = Annotated[float, Field(ge=0, le=100)]
Range = tuple[Position | None, Position | None]
BlendMode = Literal[
    "normal",
    "multiply",
    "screen",
    "overlay",
    "hard-light",
    "soft-light",
    "darken",
    "lighten",
    "difference",
    "add",
    "subtract",
]


class Stroke(Body):
    """A stroke of matte paint, in pixels of the upright source, whose first pixel's middle is 0, 0."""

    points: Annotated[list[tuple[Coordinate, Coordinate]], Field(min_length=1, max_length=20_000)]
    radius: Annotated[float, Field(ge=0.1, le=1000)]
    softness: Unit = 0
    value: Unit = 1
    mode: Literal["add", "subtract"] = "add"
    range: Range = (None, None)


class Adjustment(Body):
    """What is done to a layer before it is laid; what is left out is neutral."""

    opacity: Unit = 1
    offset: tuple[Shift, Shift] = (0, 0)
    scale: Annotated[float, Field(ge=0.01, le=100)] = 1
    feather: Annotated[float, Field(ge=0, le=1000)] = 0
    choke: Annotated[float, Field(ge=-1000, le=1000)] = 0
    lift: tuple[Lift, Lift, Lift] = (0, 0, 0)
    gamma: tuple[Gamma, Gamma, Gamma] = (1, 1, 1)
    gain: tuple[Gain, Gain, Gain] = (1, 1, 1)
    blend: BlendMode = "normal"
    range: Range = (None, None)
    paint: Annotated[list[Stroke], Field(max_length=1000, default_factory=list)]


class Layer(Adjustment):
    """A layer of a project: a take that is done, whether it is laid, and how it is adjusted."""

    take: Id
    on: bool = True

    def adjustment_json(self) -> dict[str, Any]:
        """The adjustment alone, as `vera.layers.adjust.adjustment_from_json` reads it."""
        return self.model_dump(mode="json", exclude={"take", "on"})

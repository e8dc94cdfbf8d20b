"""What all bodies share: no unknown names, no numbers that are none, texts and ids within limits."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from vera.fields import CONTROL

LONGEST_INSTRUCTION = 2000  # characters
MOST_FRAMES = 10_000_000  # of a clip: two days at 60 a second


class Body(BaseModel):
    """A request's or an answer's JSON object."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _plain(text: str) -> str:
    if CONTROL.search(text):
        raise ValueError("has a control character; take it out")
    return text


Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$", description="Opaque; made by the server.")]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
Position = Annotated[int, Field(ge=0, lt=MOST_FRAMES, description="Number of a source frame, from 0.")]
Count = Annotated[int, Field(ge=1, le=MOST_FRAMES)]
Side = Annotated[int, Field(ge=1, le=16384, description="Pixels.")]
Time = Annotated[float, Field(description="Seconds since 1970.")]

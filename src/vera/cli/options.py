"""Values of options, checked before any work begins."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from vera.errors import VeraError
from vera.files import check_place

if TYPE_CHECKING:
    from vera.layers import Adjustment
    from vera.video import Clip

Triple = tuple[float, float, float]

Words = Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)]  # of an option that may be repeated

Flag = Annotated[bool, Parameter(negative=())]  # has no --no-...

# Options that several commands have.
Force = Annotated[bool, Parameter(help="Accept a source that is not the clip that the layers were made for.")]
Sound = Annotated[
    Literal["copy", "none"], Parameter(help="copy: keep the source's sound unchanged. none: leave it out.")
]
Signed = Annotated[str | None, Parameter(allow_leading_hyphen=True)]


@Parameter(name="*")
@dataclass(frozen=True)
class Reading:
    """How footage is read.

    Parameters
    ----------
    deinterlace
        Deinterlace the source. Interlaced clips are refused otherwise.
    rate
        Frame rate of an image sequence, such as 23.976 or 24000/1001. Default: 24.
    progressive
        Treat all frames as progressive, whatever the file says.
    """

    deinterlace: bool = False
    rate: str | None = None
    progressive: bool = False

    def open(self, path: Path, sound: str = "copy") -> "Clip":
        """Open footage as a command names it. VeraError where that cannot be."""
        from vera.video import open_clip
        from vera.video.rates import parse_rate

        rate = None if self.rate is None else parse_rate(self.rate)
        return open_clip(
            path, deinterlace=self.deinterlace, rate=rate, progressive=self.progressive, sound=sound != "none"
        )


@Parameter(name="*")
@dataclass(frozen=True)
class Adjusting:
    """The options that adjust a layer.

    Parameters
    ----------
    opacity
        Factor that the matte is multiplied by, 0 to 1.
    offset
        X,Y: move the layer right and down, in pixels of the source. Default: 0,0.
    scale
        Scale factor of the layer, about the middle of the picture, before the offset.
    feather
        Blur the matte by this many pixels (sigma of a Gaussian).
    choke
        Shrink the matte by this many pixels; a negative number grows it.
    color
        LIFT/GAMMA/GAIN to correct the layer's colours with, each a number or R,G,B. Default: 0/1/1, no change.
    blend
        Blend mode: normal, multiply, screen, overlay, hard-light, soft-light, darken, lighten, difference, add or
        subtract.
    range
        A-B: first and last frame in which the layer is shown, counted from 0; 12- and -48 are open-ended. Default: all
        frames.
    """

    opacity: float = 1.0
    offset: Signed = None
    scale: float = 1.0
    feather: float = 0.0
    choke: float = 0.0
    color: Signed = None
    blend: str = "normal"
    range: Signed = None

    def adjustment(self) -> "Adjustment":
        """VeraError for what an adjustment cannot be."""
        from vera.layers import Adjustment

        lift, gamma, gain = parse_color(self.color or "0/1/1")
        place = parse_offset(self.offset or "0,0")
        shown = parse_range(self.range or "-")
        return Adjustment(
            self.opacity, place, self.scale, self.feather, self.choke, lift, gamma, gain, self.blend, shown
        )


READING, NOT_ADJUSTED = Reading(), Adjusting()

# Of so many digits that every number can be counted with: Python refuses thousands, and exponents eat all memory.
_SECONDS = re.compile(r"\d{1,9}(\.\d{0,99})?|\.\d{1,99}", re.ASCII)
_SIZE = re.compile(r"0*([1-9]\d{0,5})x0*([1-9]\d{0,5})", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of `640x360`; VeraError for anything else."""
    sides = _SIZE.fullmatch(text.lower())
    if sides is None:
        raise VeraError(f"size is WxH, such as 640x360, not {text!r:.80}")
    return int(sides[1]), int(sides[2])


def parse_overrides(words: Sequence[str]) -> dict[str, str]:
    """Texts by name of `--name text` and `--name=text`; VeraError for other words and a name that comes twice."""
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name, equals, text = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not name:
            raise VeraError(f"{word!a:.80}: is no option; fields are changed as in --objective.shift 15")
        if not equals and ((following := next(rest, None)) is None or following.startswith("--")):
            raise VeraError(f"--{name:.80}: has no value, as in --{name:.80} VALUE; options are in --help")
        if name in found:
            raise VeraError(f"--{name:.80}: is given twice; give one of them")
        found[name] = text if equals else str(following)
    return found


def parse_time(text: str) -> Fraction:
    """Seconds of `2.5`, `1:02.5` or `1:00:02.5`; VeraError for anything else."""
    parts = text.split(":")
    if len(parts) > 3 or not all(map(_WHOLE.fullmatch, parts[:-1])) or not _SECONDS.fullmatch(parts[-1]):
        raise VeraError(f"a time is seconds or [hours:]minutes:seconds, such as 2.5 or 1:02.5, not {text!r:.80}")
    return sum((Fraction(part) * 60**power for power, part in enumerate(reversed(parts))), Fraction(0))


def parse_offset(text: str) -> tuple[float, float]:
    """X and Y of `-10,4.5`; VeraError for anything else."""
    numbers = _numbers(text.split(","))
    if len(numbers) != 2:
        raise VeraError(f"an offset is X,Y, such as -10,4.5, not {text!r}")
    return numbers[0], numbers[1]


def parse_color(text: str) -> tuple[Triple, Triple, Triple]:
    """Lift, gamma and gain of `0.02/1.1/1` or `0,0,0.1/1/1.2,1,1`, each for R, G and B; VeraError for anything else."""
    parts = [_numbers(part.split(",")) for part in text.split("/")]
    if len(parts) != 3 or not all(len(part) in (1, 3) for part in parts):
        raise VeraError(f"a colour is LIFT/GAMMA/GAIN, each a number or R,G,B, such as 0/1.1/1, not {text!r}")
    lift, gamma, gain = ((part * 3)[:3] for part in parts)
    return (lift[0], lift[1], lift[2]), (gamma[0], gamma[1], gamma[2]), (gain[0], gain[1], gain[2])


def parse_range(text: str) -> tuple[int | None, int | None]:
    """The ends of `12-48`, None where they are open as in `12-` and `-48`; VeraError for anything else."""
    ends = text.split("-")
    if len(ends) != 2 or not all(end == "" or _WHOLE.fullmatch(end) for end in ends):
        raise VeraError(f"a range is A-B, such as 12-48, 12- or -48, not {text!r:.80}")
    return (int(ends[0]) if ends[0] else None), (int(ends[1]) if ends[1] else None)


def _numbers(words: list[str]) -> list[float]:
    """Empty if one of them is no number."""
    try:
        return [float(word) for word in words]
    except ValueError:
        return []


def check_picture(path: Path) -> None:
    """VeraError unless a sheet, still or moving, can be written at `path`."""
    if path.suffix.lower() not in (".png", ".webp"):
        raise VeraError(f"{path}: a sheet is a PNG, or an animated WebP; give a name in .png or .webp")
    check_place(path)

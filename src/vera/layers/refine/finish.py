"""A layer frame at the source's size, as the manifest says: guided, decontaminated, with the source's grain."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self, get_args

from numpy.typing import NDArray

from vera.choices import Guide
from vera.errors import VeraError
from vera.layers.layer_frame import LayerFrame
from vera.layers.refine.decontaminate import decontaminate
from vera.layers.refine.grain import Grain, add_grain
from vera.layers.refine.upsample import upsample_layer


@dataclass(frozen=True)
class Finish:
    """What is done on the way to the source's size; `refine` in an edit's metadata.

    Args:
        guide, blur: of `upsample_layer`; `choose_guide` finds them.
        decontaminate: the old background is taken out of soft edges: for edits that replace it.
        grain: the source's, to be added to the edit layer; None adds none.
        seed: of the grain.
    """

    guide: Guide = "none"
    blur: float = 0.0
    decontaminate: bool = False
    grain: Grain | None = None
    seed: int = 0

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """From what `to_json` gave, perhaps with parts left out. VeraError if it is something else."""
        try:
            grain = values.get("grain")
            found = cls(**{field.name: values.get(field.name, field.default) for field in fields(cls)})
            found = replace(found, grain=None if grain is None else Grain.from_json(grain))
            right = (
                found.guide in get_args(Guide)
                and isinstance(found.blur, int | float)
                and not isinstance(found.blur, bool)
                and 0 <= found.blur <= 8
                and isinstance(found.decontaminate, bool)
                and type(found.seed) is int
                and 0 <= found.seed < 2**63
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            right = False
        if not right:
            raise VeraError("the manifest's `refine` cannot be understood; take it out to lay the layers without")
        return found

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @property
    def needs_plate(self) -> bool:
        """Whether the source's frame is asked for."""
        return self.guide != "none" or self.decontaminate


PLAIN = Finish()  # resized as it is


def finish_layer(
    layer: LayerFrame, size: tuple[int, int], finish: Finish, plate: NDArray[Any] | None = None, index: int = 0
) -> LayerFrame:
    """Bring layer frame `index`, codes `[h,w]`, to `size` (width, height) as `finish` says.

    `plate` is the source's frame at that size, RGB; what needs it is left out where it is None.
    """
    edit, alpha = upsample_layer(layer, size, plate=plate, guide=finish.guide, blur=finish.blur)
    if finish.decontaminate and plate is not None:
        edit = decontaminate(edit, alpha, plate)
    if finish.grain is not None:
        edit = add_grain(edit, alpha, finish.grain, finish.seed, index)
    return LayerFrame(edit, alpha)

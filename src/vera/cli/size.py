"""`WxH`, as people write the size of a picture."""

from vera.errors import VeraError


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of `640x360`; VeraError for anything else."""
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise VeraError(f"size is WxH, such as 640x360, not {text!r}")
    return int(sides[0]), int(sides[1])

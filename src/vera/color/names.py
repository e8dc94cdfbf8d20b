"""Colour tags in words, for people."""

from vera.color.tags import FULL, ColorTags, resolve_color

# Of ITU-T H.273: what footage has; anything else is told by its number.
PRIMARIES = {1: "BT.709", 4: "BT.470 M", 5: "BT.601 (625)", 6: "BT.601 (525)", 7: "SMPTE 240M", 9: "BT.2020"}
PRIMARIES |= {11: "DCI-P3", 12: "Display P3"}
TRANSFERS = {1: "BT.709", 4: "gamma 2.2", 5: "gamma 2.8", 6: "BT.601", 7: "SMPTE 240M", 8: "linear", 13: "sRGB"}
TRANSFERS |= {14: "BT.2020", 15: "BT.2020", 16: "PQ", 18: "HLG"}
MATRICES = {0: "RGB", 1: "BT.709", 4: "FCC", 5: "BT.601", 6: "BT.601", 7: "SMPTE 240M", 8: "YCgCo", 9: "BT.2020"}
UNSPECIFIED = 2


def color_name(color: ColorTags, height: int, pix_fmt: str) -> str:
    """Say primaries, transfer, matrix and range of a file's tags, such as "BT.2020, PQ, limited".

    Words that repeat are said once. Matrix and range are those that are used where the file says nothing, which is
    marked by "assumed"; `height` is the coded height in pixels.
    """
    used = resolve_color(color, height, pix_fmt)
    matrix = _named(MATRICES, used.space) + (" assumed" if color.space == UNSPECIFIED and used.space else "")
    words = [
        *([] if color.primaries in (0, UNSPECIFIED) else [_named(PRIMARIES, color.primaries)]),
        *([] if color.trc in (0, UNSPECIFIED) else [_named(TRANSFERS, color.trc)]),
        matrix,
        "full" if used.range == FULL else "limited",
    ]
    return ", ".join(dict.fromkeys(words))


def _named(names: dict[int, str], number: int) -> str:
    return names.get(number, f"number {number}")

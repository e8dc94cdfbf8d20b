"""Colour tags in words."""

import pytest

from vera.color.names import color_name
from vera.color.tags import ColorTags


@pytest.mark.parametrize(
    ("color", "height", "pix_fmt", "said"),
    [
        (ColorTags(1, 1, 1, 1), 1080, "yuv420p", "BT.709, limited"),
        (ColorTags(1, 9, 16, 9), 2160, "yuv420p10le", "BT.2020, PQ, limited"),
        (ColorTags(2, 9, 18, 9), 2160, "yuv420p10le", "BT.2020, HLG, full"),
        (ColorTags(), 1080, "yuv420p", "BT.709 assumed, limited"),
        (ColorTags(), 480, "yuv420p", "BT.601 assumed, limited"),
        (ColorTags(), 480, "gbrp10le", "RGB, full"),
        (ColorTags(1, 6, 6, 6), 480, "yuv420p", "BT.601 (525), BT.601, limited"),
        (ColorTags(0, 1, 99, 98), 480, "yuvj420p", "number 98, number 99, BT.709, full"),
    ],
)
def test_tags_in_words(color: ColorTags, height: int, pix_fmt: str, said: str) -> None:
    assert color_name(color, height, pix_fmt) == said

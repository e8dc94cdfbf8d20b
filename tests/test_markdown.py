"""Strangers' text in Markdown."""

import pytest

from vera.markdown import markdown_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nano 14B, mine.v2 (new)", "nano 14B, mine.v2 (new)"),
        ("whole_frame_2", "whole_frame_2"),
        ("_so_", "\\_so\\_"),
        ("a|b", "a\\|b"),
        ("a\nb", "a\\\\x0ab"),
        ("# a", "\\# a"),
        ("- a - b", "\\- a - b"),
        ("<b>`*[x](y)", "\\<b\\>\\`\\*\\[x\\](y)"),
    ],
)
def test_nothing_in_a_text_is_markup(text: str, shown: str) -> None:
    assert markdown_text(text) == shown

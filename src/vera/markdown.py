"""Text of strangers in Markdown: on one line, and nothing in it is markup."""

import re

from vera.errors import printable

# What begins a list, a heading or a rule at a line's beginning; and elsewhere what marks, but for underscores in words.
_MARKUP = re.compile(r"^[-#+=]|[\\`*\[\]<>|~$]|(?<!\w)_|_(?!\w)")


def markdown_text(text: str) -> str:
    """Return a text as Markdown shows it."""
    return _MARKUP.sub(r"\\\g<0>", printable(text))

"""What the commands say on a terminal of any encoding, whatever strangers' names and texts hold."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper

from vera.errors import printable


def say(*lines: str) -> None:
    """Print lines; control characters in them, which a terminal would obey, are spelled out."""
    for line in lines:
        print(printable(line))


def complain(line: str) -> None:
    """Print a line on stderr, as `say` does."""
    print(printable(line), file=sys.stderr)


@contextmanager
def any_encoding() -> Iterator[None]:
    """Spell out on stdout and stderr what their encoding does not have, such as names on an ASCII terminal."""
    with ExitStack() as restored:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                restored.callback(stream.reconfigure, errors=stream.errors)
                stream.reconfigure(errors="backslashreplace")
        yield

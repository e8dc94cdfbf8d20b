"""What goes wrong because of the user's input, as opposed to a bug."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# What a terminal obeys, a program takes for the end of a line or reads backwards, and what no encoding holds.
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


LONGEST = 4000  # characters of a message: libraries quote from a stranger's file whatever stands there


class VeraError(ValueError):
    """A problem the user can mend.

    The message is one line: what, where and what to do. The command line prints it and exits with code 2. What names
    and files of strangers bring into it can be shown anywhere.
    """

    def __str__(self) -> str:
        text = printable(super().__str__())
        return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}...{text[-LONGEST // 2 :]}"


class DamageWarning(UserWarning):
    """Part of the input could not be read, and the work went on: one line that says which.

    The command line prints it and exits with code 3.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


@contextmanager
def renamed(hidden: object, shown: object) -> Iterator[None]:
    """Have the errors of a block, VeraError and those of the system, say `shown` where they say `hidden`."""

    def rename(value: object) -> object:
        return value.replace(str(hidden), str(shown)) if isinstance(value, str) else value

    try:
        yield
    except (VeraError, OSError) as error:
        error.args = tuple(map(rename, error.args))
        for attribute in ("filename", "filename2"):  # two where one is copied to the other
            named = getattr(error, attribute, None)
            if isinstance(error, OSError) and named != rename(named):
                with suppress(AttributeError):  # PyAV's errors read it from their arguments
                    setattr(error, attribute, rename(named))
        raise


def last_line(error: BaseException) -> str:
    """Return the last line of what an exception says, where torch names what does not fit, as `first_line` does."""
    return ([line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__])[-1]


def first_line(error: BaseException) -> str:
    """Return the first line of what an exception says; its class's name if it says nothing, as time-outs often do."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def printable(text: str) -> str:
    """Return a stranger's text as one line that can be shown and encoded anywhere.

    Control characters, line ends, marks that reverse the direction and bytes that are not UTF-8 are spelled out, as
    `\\x1b`; everything else stays.
    """
    return _UNSHOWN.sub(lambda found: _spelled(ord(found[0])), text)


def brief(value: object, limit: int = 60) -> str:
    """Return a value of a stranger's file as it is quoted in a message: its beginning, on one line."""
    text = printable(repr(value[:limit] if isinstance(value, str | list) else value))
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _spelled(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # how Python holds a byte of a file's name that is not UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"

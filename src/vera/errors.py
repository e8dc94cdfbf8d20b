"""What goes wrong because of the user's input, as opposed to a bug."""


class VeraError(ValueError):
    """A problem the user can mend.

    The message is one line: what, where and what to do. The command line prints it and exits with code 2.
    """


class DamageWarning(UserWarning):
    """Part of the input could not be read, and the work went on: one line that says which.

    The command line prints it and exits with code 3.
    """


def first_line(error: BaseException) -> str:
    """Return the first line of what an exception says; its class's name if it says nothing, as time-outs often do."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)

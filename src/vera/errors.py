"""What goes wrong because of the user's input, as opposed to a bug."""


class VeraError(Exception):
    """A problem the user can mend.

    The message is one line: what, where and what to do. The command line prints it and exits with code 2.
    """


class DamageWarning(UserWarning):
    """Part of the input could not be read, and the work went on: one line that says which.

    The command line prints it and exits with code 3.
    """

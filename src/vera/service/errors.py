"""Problems that the user can mend, by what a request that meets them is answered with."""

from vera.errors import VeraError


class MissingError(VeraError):
    """There is nothing of that id: 404."""


class ConflictError(VeraError):
    """What is asked for does not fit the present state: 409."""


class TooLargeError(VeraError):
    """More bytes than this server takes, or than were told: 413."""


class NoRoomError(VeraError):
    """The disk has no room for what is to come: 507."""


STATUS = {MissingError: 404, ConflictError: 409, TooLargeError: 413, NoRoomError: 507}

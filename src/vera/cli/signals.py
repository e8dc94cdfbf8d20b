"""Signals that end a program: the command unwinds, as from an interrupt, and leaves nothing half-written."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)


class EndedError(KeyboardInterrupt):
    """A signal came that ends the program; what waits for an interrupt is to take it for one."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def unwinding() -> Iterator[None]:
    """Raise EndedError in the main thread where a signal of `ENDING` would kill the process; once.

    One that is ignored, as SIGHUP under nohup, stays so, and a forked process is killed as ever.
    """
    process = os.getpid()

    def end(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        for each in taken:
            signal.signal(each, signal.SIG_IGN)  # the cleaning up is not to be cut short
        raise EndedError(number)

    taken: list[int] = []
    if threading.current_thread() is threading.main_thread():
        taken += [number for number in ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)

"""Times of frames where a file keeps none: the slots of its packets."""

from collections import deque
from collections.abc import Iterator

import av

# Pictures that a decoder may give before one whose packet came first: those of the longest group that H.264 reorders.
_REORDERED = 17

_Placed = tuple[int, av.VideoFrame | None, int]


class Slots:
    """Gives frames that come from a decoder, in order of presentation, their times by the slots of their packets.

    A slot is a packet's place in the file, in ticks: AVI has one for each frame, and some may be empty; `step` is the
    usual distance. A packet that shows nothing, or an empty slot, moves nothing that follows. Where packets are not in
    order of presentation the file runs ahead by as many slots as the decoder must wait for: so a frame is shown when
    the packet that many places on has its slot, less that many steps.
    """

    def __init__(self, step: int) -> None:
        self._step = step
        self._ahead = 0  # slots that the file runs ahead of what is shown
        self._due: deque[int] = deque()  # slots of packets that went in, in order, but for those before the frame shown
        self._came: set[int] = set()  # those of them of which a frame came, or should have
        self._waiting: deque[tuple[int, av.VideoFrame | None]] = deque()  # with the slots of their own packets
        self._last = -1

    def enter(self, slot: int) -> None:
        """Note that the packet of `slot` goes into the decoder; slots rise."""
        self._due.append(slot)

    def leave(self, slot: int | None, frame: av.VideoFrame | None) -> None:
        """Note the next frame that comes out, of the packet of `slot` (None: of the latest); no frame: it is lost."""
        slot = self._due[-1] if slot is None else slot
        self._came.add(slot)
        self._waiting.append((slot, frame))

    def placed(self, at_end: bool) -> Iterator[_Placed]:
        """Yield frames whose times are now known: slot of its packet, frame, time in ticks. `at_end`: all of them."""
        while self._waiting:
            slot, frame = self._waiting[0]
            if at_end or len(self._waiting) > _REORDERED:
                self._due = deque(due for due in self._due if due in self._came or (due > slot and not at_end))
            before = [due for due in self._due if due < slot]
            ahead = max(self._ahead, len(before))
            known = list(self._due)[: ahead + 1]
            if not at_end and (len(known) <= ahead or not self._came.issuperset({*before, *known})):
                return
            self._ahead = ahead
            missing = ahead + 1 - len(known)
            time = (known[-1] if known else self._last) + (missing - ahead) * self._step
            self._last = max(time, self._last + 1)
            self._waiting.popleft()
            if self._due:
                self._came.discard(self._due.popleft())
            yield slot, frame, self._last

"""Which packets of a stream must be made anew when some of its pictures change, and which may stay as they are."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass


@dataclass
class _Dirt:
    """Whether pictures since the last restart, before it, or shown before it have changed."""

    current: bool = False
    carried: bool = False
    leading: bool = False


def plan(pictures: Iterable[tuple[int, bool]], changed: Collection[int]) -> Iterator[bool]:
    """For each picture in decoding order, whether it must be encoded anew.

    `pictures`: presentation time, and whether decoding can start there; `changed`: times of the pictures that are to
    look different. A picture may be predicted from all that came since the last restart, and one that is decoded after
    a restart and shown before it (a leading picture, of an open group of pictures) also from what came before that.
    """
    dirt = _Dirt()
    start: int | None = None
    for time, restarts in pictures:
        if restarts:
            dirt = _Dirt(carried=dirt.current)
            start = time
        leads = start is not None and time < start
        renew = time in changed or dirt.current or (leads and (dirt.carried or dirt.leading))
        if renew and leads:
            dirt.leading = True
        elif renew:
            dirt.current = True
        yield renew

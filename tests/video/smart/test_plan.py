"""Which pictures must be encoded anew: all that are predicted from a changed one, and none before it."""

from hypothesis import given
from hypothesis import strategies as st

from vera.video.smart.plan import plan


def renewed(pictures: str, *changed: int) -> list[int]:
    """Times of the renewed pictures of a stream such as "I0 3 1 2 I6 4 5"; I marks where decoding can start."""
    stream = [(int(word.lstrip("I")), word[0] == "I") for word in pictures.split()]
    return [time for (time, _), renew in zip(stream, plan(stream, changed), strict=True) if renew]


def test_closed_groups() -> None:
    stream = "I0 3 1 2 I4 7 5 6 I8 11 9 10"
    assert renewed(stream) == []
    assert renewed(stream, 4) == [4, 7, 5, 6]
    assert renewed(stream, 7) == [7, 5, 6]
    assert renewed(stream, 6) == [6]
    assert renewed(stream, 2, 9) == [2, 9, 10]


def test_leading_pictures_of_an_open_group_go_with_both() -> None:
    stream = "I0 3 1 2 I6 4 5 9 7 8 I12 10 11 15"
    assert renewed(stream, 3) == [3, 1, 2, 4, 5]
    assert renewed(stream, 4) == [4, 5]  # nothing that is shown after the restart is predicted from these
    assert renewed(stream, 6) == [6, 4, 5, 9, 7, 8, 10, 11]


def test_pictures_before_the_first_start() -> None:
    assert renewed("2 3 I4 5", 2) == [2, 3]


@given(st.data())
def test_whatever_is_predicted_from_a_changed_picture_is_renewed(data: st.DataObject) -> None:
    """Streams of random prediction, as far as a restart allows it."""
    groups = data.draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=4))
    stream: list[tuple[int, bool]] = []
    references: dict[int, list[int]] = {}
    start, before = 0, []
    for leads, trails in groups:
        start += leads
        stream.append((start, True))
        references[start] = []
        leading = [start - 1 - place for place in range(leads)] if before else []
        for time in leading:
            stream.append((time, False))
            known = [*before, start, *(other for other in leading if other in references)]
            references[time] = data.draw(st.lists(st.sampled_from(known), max_size=2))
        current = [start]
        for time in data.draw(st.permutations(range(start + 1, start + 1 + trails))):
            stream.append((time, False))
            references[time] = data.draw(st.lists(st.sampled_from(current), max_size=2))
            current.append(time)
        before, start = current, start + trails + 1
    changed = data.draw(st.sets(st.sampled_from([time for time, _ in stream]), max_size=3))
    different: set[int] = set()
    for time, _ in stream:
        if time in changed or different.intersection(references[time]):
            different.add(time)
    found = [time for (time, _), renew in zip(stream, plan(stream, changed), strict=True) if renew]
    assert different <= set(found)
    assert not changed or found[0] in changed  # and none before the first

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera.data.shuffle import CYCLE, Interleaving, place_in_epoch
from vera.errors import VeraError


@given(length=st.integers(1, 50), epoch=st.integers(0, 3), seed=st.integers(0, 9), attempt=st.integers(0, 7))
def test_every_epoch_has_each_item_once(length: int, epoch: int, seed: int, attempt: int) -> None:
    numbers = range(epoch * length, (epoch + 1) * length)
    assert sorted(place_in_epoch(n, length, seed, attempt) for n in numbers) == list(range(length))


@given(length=st.integers(1, 60), number=st.integers(0, 200), seed=st.integers(0, 9))
def test_attempts_have_their_turn_before_one_comes_again(length: int, number: int, seed: int) -> None:
    assert {place_in_epoch(number, length, seed, attempt) for attempt in range(length)} == set(range(length))


def test_epochs_seeds_and_attempts_differ() -> None:
    orders = [
        [place_in_epoch(start + i, 40, seed, attempt) for i in range(40)]
        for start, seed, attempt in ((0, 0, 0), (40, 0, 0), (0, 1, 0), (0, 0, 1))
    ]
    assert all(orders[i] != orders[j] for i in range(4) for j in range(i))
    assert all(a != b for a, b in zip(orders[0], orders[3], strict=True))


@given(weights=st.lists(st.floats(0.001, 100), min_size=1, max_size=7), seed=st.integers(0, 5))
def test_streams_are_drawn_by_their_weights(weights: list[float], seed: int) -> None:
    interleaving = Interleaving(weights, seed)
    places = [interleaving.place(n) for n in range(2 * CYCLE)]
    counts = Counter(stream for stream, _ in places)
    for stream, weight in enumerate(weights):
        # One draw in a cycle at least, and so, of others, as many less.
        assert counts[stream] / (2 * CYCLE) == pytest.approx(weight / sum(weights), abs=(1 + len(weights)) / CYCLE)
        assert [own for s, own in places if s == stream] == list(range(counts[stream]))


@pytest.mark.faults
@given(weights=st.lists(st.floats(1e-9, 1e9) | st.integers(1, 10**7), min_size=1, max_size=400))
def test_every_stream_has_a_place_in_every_cycle(weights: list[float]) -> None:
    counts = Interleaving(weights, 0)._counts
    assert min(counts) >= 1 and sum(counts) == CYCLE
    # What the small ones have too much is taken from those that have more than their least.
    assert all(
        count >= weight / sum(weights) * CYCLE - len(weights) for count, weight in zip(counts, weights, strict=True)
    )


@pytest.mark.faults
def test_small_streams_are_not_emptied_for_the_large_one() -> None:
    assert Interleaving([9995, 3, 2], 0)._counts == [998, 1, 1]
    assert Interleaving([1.0] * CYCLE, 0)._counts == [1] * CYCLE


@pytest.mark.faults
def test_more_streams_than_places_are_refused() -> None:
    with pytest.raises(VeraError, match="1001 kinds"):
        Interleaving([1.0] * 1001, 0)

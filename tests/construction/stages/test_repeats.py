"""Near repeats by hashes, against comparing all with all."""

from hypothesis import given
from hypothesis import strategies as st

from vera.construction.stages.repeats import NEAR, find_repeats

HASH = st.integers(0, 2**64 - 1)


@given(st.lists(st.tuples(HASH, st.lists(st.integers(0, 63), max_size=8)), max_size=6), st.data())
def test_as_comparing_all_with_all(drawn: list[tuple[int, list[int]]], data: st.DataObject) -> None:
    hashes = {}
    for number, (value, flips) in enumerate(drawn):
        hashes[f"{number}a"] = [value, value]
        for bit in flips:
            value ^= 1 << bit
        hashes[f"{number}b"] = [value, value]
    kept = data.draw(st.sets(st.sampled_from(sorted(hashes)))) if hashes else set()
    order = sorted(hashes, key=lambda name: (name not in kept, name))
    expected: dict[str, bool] = {}
    for name in order:
        unique = [other for other in expected if not expected[other]]
        expected[name] = any((hashes[name][0] ^ hashes[other][0]).bit_count() <= NEAR for other in unique)
    found = find_repeats(hashes, kept)
    assert {name: other is not None for name, other in found.items()} == expected
    assert all(found[other] is None for other in found.values() if other is not None)


def test_all_hashes_must_be_near() -> None:
    assert find_repeats({"a": [0, 0], "b": [0, 2**64 - 1]}, set()) == {"a": None, "b": None}

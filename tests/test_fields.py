"""Values of strangers: of any shape, they are as their hints want them, or refused in one line."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vera.errors import VeraError
from vera.fields import CONTROL, Range, check_plain, check_value

pytestmark = pytest.mark.faults

HUGE = st.integers(5000, 5009).map(lambda digits: 10**digits)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | HUGE
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SCALARS, inner, max_size=4))
HINTS: list[Any] = [
    int,
    float,
    str,
    bool,
    Literal["a", 1],
    int | None,
    tuple[int, float],
    Sequence[str],
    Mapping[int, float],
    dict[str, Any],
    Annotated[float, Range(0, 1)],
    Annotated[Sequence[int], Range(1, 2)],
    Annotated[int, Range(0, 9, above=True)] | None,
]


@pytest.mark.parametrize("hint", HINTS, ids=str)
@settings(max_examples=50)
@given(value=VALUES)
def test_whatever_comes_is_taken_or_refused_in_one_line(hint: Any, value: Any) -> None:
    try:
        check_plain(value, "here")
        check_value(hint, value, "here")
    except VeraError as error:
        assert str(error).startswith("here") and not CONTROL.search(str(error))


@pytest.mark.parametrize("value", [0.5, 1, "1e-3"])
def test_numbers_within_their_range(value: Any) -> None:
    assert check_value(Annotated[float, Range(0, 1, above=True)], value, "here") == float(value)


@pytest.mark.parametrize("value", [0, -1, 1.001, "nan", True, None, [], 10**400])
def test_numbers_beyond_their_range(value: Any) -> None:
    with pytest.raises(VeraError, match="here: is"):
        check_value(Annotated[float, Range(0, 1, above=True)], value, "here")

"""One line of any exception."""

import pytest

from vera.errors import VeraError, first_line


@pytest.mark.faults
@pytest.mark.parametrize(
    ("error", "line"),
    [(TimeoutError(), "TimeoutError"), (OSError("\n"), "OSError"), (ValueError("one\ntwo"), "one")],
)
def test_an_exception_without_text_still_has_a_line(error: Exception, line: str) -> None:
    assert first_line(error) == line


def test_what_the_user_can_mend_is_a_value_error_as_in_diffusers() -> None:
    assert issubclass(VeraError, ValueError)

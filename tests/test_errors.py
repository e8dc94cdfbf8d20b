"""One line of any exception."""

import unicodedata

import av
import hypothesis.strategies as st
import pytest
from hypothesis import given

from vera.errors import DamageWarning, VeraError, brief, first_line, printable, renamed


@pytest.mark.faults
@pytest.mark.parametrize(
    ("error", "line"),
    [(TimeoutError(), "TimeoutError"), (OSError("\n"), "OSError"), (ValueError("one\ntwo"), "one")],
)
def test_an_exception_without_text_still_has_a_line(error: Exception, line: str) -> None:
    assert first_line(error) == line


def test_what_the_user_can_mend_is_a_value_error_as_in_diffusers() -> None:
    assert issubclass(VeraError, ValueError)


@pytest.mark.faults
@given(st.text() | st.text(st.characters(categories=["Cc", "Cs", "Zl", "Zp"])))
def test_what_strangers_wrote_is_shown_on_one_line_that_any_terminal_takes(text: str) -> None:
    for shown in (printable(text), str(VeraError(text)), str(DamageWarning(text)), brief(text)):
        shown.encode()
        assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in shown)
        assert printable(shown) == shown
    assert len(brief(text)) <= 60


@pytest.mark.faults
def test_ordinary_text_stays_as_it_is() -> None:
    text = "C:\\shots\\a 'b' \"c\" день 日本 🎬 e\u0301 \u200d"
    assert printable(text) == text == str(VeraError(text))
    assert printable("\x1b[31m\n\udce9\u202e\ud800") == r"\x1b[31m\x0a\xe9\u202e\ud800"
    assert brief(3) == "3" and brief("a") == "'a'" and brief([1] * 10**6).endswith("...")


@pytest.mark.faults
def test_a_message_has_an_end() -> None:
    text = str(VeraError(f"a.safetensors: {'x' * 10_000_000}: fetch it again"))
    assert len(text) < 4100 and text.startswith("a.safetensors: x") and text.endswith("x: fetch it again")


@pytest.mark.faults
@pytest.mark.parametrize(
    "error",
    [
        VeraError("/a/.b.partial: is full"),
        OSError("/a/.b.partial is full"),
        OSError(28, "No space left on device", "/a/.b.partial"),
        OSError(28, "No space left on device", "/a/c", None, "/a/.b.partial"),
        av.error.PermissionError(13, "Permission denied", "/a/.b.partial"),
    ],
)
def test_errors_say_the_name_that_is_shown(error: Exception) -> None:
    """Also those of PyAV, whose file name cannot be set."""
    said = str(error)
    with pytest.raises(type(error)) as raised, renamed("/a/.b.partial", "/a/b"):
        raise error
    assert str(raised.value) == said.replace(".b.partial", "b")


def test_errors_without_a_name_stay_as_they_are() -> None:
    with pytest.raises(OSError, match=r"^another file's$"), renamed("/a/.b.partial", "/a/b"):
        raise OSError("another file's")

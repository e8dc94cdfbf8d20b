"""What an instruction may look like."""

import warnings

import pytest

from vera import VeraError
from vera.pipelines.instruction import check_instruction, is_request


@pytest.mark.parametrize(
    "text",
    [
        "add",
        "Add a red balloon",
        "Put an octopus on the left, moving right",
        "replace the background with a beach café",
        "Insert a soccer ball",
    ],
)
def test_english(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check_instruction(f" {text}\n ") == text


@pytest.mark.parametrize(
    "text",
    [
        "Füge einen roten Ballon hinzu",
        "Ajoute un ballon rouge à gauche",
        "Añade un globo rojo",
        "aggiungi un palloncino rosso",
        "добавь красный шар",
        "添加一个红气球",
        "赤い風船を追加して add",
        "1234",
    ],
)
def test_other_languages_are_warned_about(text: str) -> None:
    with pytest.warns(UserWarning, match="English"):
        assert check_instruction(text) == text


@pytest.mark.parametrize("text", ["", " \t\n"])
def test_empty(text: str) -> None:
    with pytest.raises(VeraError, match="empty"):
        check_instruction(text)


@pytest.mark.parametrize("text", ["Add a red balloon", "please remove the sign", "change the background to a beach"])
def test_a_request(text: str) -> None:
    assert is_request(text)


@pytest.mark.parametrize("text", ["A street in the rain", "additional lights over a bridge", "a sign, put up by a man"])
def test_a_description(text: str) -> None:
    assert not is_request(text)

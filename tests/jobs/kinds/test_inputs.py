"""What jobs call the files that they make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera.jobs.kinds.inputs import plain_stem


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("Street, take 2", "Street_take_2"),
        ("東京の夜", "東京の夜"),
        ("Прогулка в парке.v2", "Прогулка_в_парке.v2"),
        ("../../etc/passwd", "etc_passwd"),
        ("...", "vera"),
        ("🙂", "vera"),
        (None, "None"),
    ],
)
def test_letters_of_any_script_stay(name: object, stem: str) -> None:
    assert plain_stem(name) == stem


@given(st.text())
def test_a_stem_is_a_name_for_every_system(name: str) -> None:
    stem = plain_stem(name)
    assert 1 <= len(stem.encode()) <= 160
    assert not set(stem) & set('<>:"/\\|?* \n\0') and stem.strip("._-") == stem

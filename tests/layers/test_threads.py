"""Work on all cores: each item once, and an error where it is waited for."""

import pytest

from vera.errors import VeraError
from vera.layers.threads import on_all_cores


def test_each_item_is_done_once() -> None:
    done: list[int] = []
    on_all_cores(done.append, range(1000))
    assert sorted(done) == list(range(1000))
    on_all_cores(done.append, [])
    assert len(done) == 1000


def test_an_error_in_a_thread_is_raised() -> None:
    def work(item: int) -> None:
        if item == 3:
            raise VeraError("item 3")

    with pytest.raises(VeraError, match="item 3"):
        on_all_cores(work, range(8))

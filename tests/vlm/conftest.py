"""A cache of one test, and no waiting between tries."""

from pathlib import Path

import pytest

from vera.vlm import ReplyCache, transport


@pytest.fixture
def cache(tmp_path: Path) -> ReplyCache:
    return ReplyCache(tmp_path / "replies")


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, which are not waited for."""
    found: list[float] = []
    monkeypatch.setattr(transport.Transport, "wait", lambda self, seconds: found.append(seconds))
    return found

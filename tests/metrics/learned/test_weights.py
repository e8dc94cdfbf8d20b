"""Weights from the hub: only the files that are wanted, and one line where it has none."""

from pathlib import Path

import pytest
from tests.fake_hub import FakeHub

from vera.errors import VeraError
from vera.metrics.learned.weights import find_file


def test_only_wanted_files_are_fetched(hub: FakeHub, tmp_path: Path) -> None:
    for name in ("weights.bin", "large.bin", "README.md"):
        (tmp_path / name).write_bytes(name.encode())
    hub.add_folder("some/network", tmp_path)
    found = find_file("some/network", ("newer.bin", "weights.bin"), "Network")
    assert found.read_bytes() == b"weights.bin"
    assert {path.name for path in found.parent.iterdir()} == {"weights.bin"}
    hub.down = True
    assert find_file("some/network", ("weights.bin",), "Network") == found  # of the cache


def test_a_hub_without_it_is_told(hub: FakeHub, tmp_path: Path) -> None:
    hub.add_folder("some/network", tmp_path)
    with pytest.raises(VeraError, match=r"^Network some/network: holds no a or b$"):
        find_file("some/network", ("a", "b"), "Network")
    with pytest.raises(VeraError, match=r"^Network no/such: is no folder, and cannot be had from the hub [^\n]*$"):
        find_file("no/such", ("a",), "Network")
    hub.down = True
    with pytest.raises(VeraError, match=r"^Network no/other: is no folder, and cannot be had from the hub [^\n]*$"):
        find_file("no/other", ("a",), "Network")

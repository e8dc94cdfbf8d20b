"""VideoMaMa of random weights: what it is shown, windows, memory, shapes, the same every time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.construction.adapters.tiny import save_videomama

from vera.construction.adapters import videomama
from vera.construction.adapters.matter import MatterNetwork, load_matter
from vera.construction.adapters.network import Weights
from vera.construction.adapters.videomama import VideoMaMa
from vera.errors import VeraError

FRAMES = 5
CLIP = np.random.default_rng(0).integers(0, 256, (FRAMES, 40, 56, 3), dtype=np.uint8)
MASKS = np.zeros((FRAMES, 40, 56), bool)
MASKS[:-1, 10:20, 16:30] = True


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_videomama(tmp_path_factory.mktemp("videomama"))


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(videomama, "SIZE", (32, 16))


def network(folder: Path, **more: Any) -> MatterNetwork:
    base = Weights(str(folder / "base"), "STABILITY-COMMUNITY")
    return MatterNetwork(str(folder), "CC-BY-NC-4.0", device="cpu", kind="videomama", base=base, **more)


def loaded(folder: Path, **more: Any) -> VideoMaMa:
    found = load_matter(network(folder, **more))
    assert isinstance(found, VideoMaMa)
    return found


class Watched:
    """A network that notes what it is shown, and has room for so many frames."""

    def __init__(self, network: Any, most: int = 100) -> None:
        self.network, self.most, self.seen = network, most, []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)

    def __call__(self, shown: torch.Tensor, *others: Any) -> Any:
        self.seen.append((shown, *others))
        if shown.shape[1] > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.network(shown, *others)


def test_mattes_are_of_the_clip_s_shape_and_the_same_every_time(folder: Path) -> None:
    found = loaded(folder)(CLIP, MASKS)
    assert found.shape == MASKS.shape and found.dtype == np.float32
    assert 0 <= found.min() < found.max() <= 1
    assert not found[-1].any()  # where there is no object there is no matte
    assert (loaded(folder)(CLIP, MASKS) == found).all()


def test_noise_frames_and_masks_are_shown_and_no_picture(folder: Path) -> None:
    whole = loaded(folder)
    seen = Watched(whole.network)
    replace(whole, network=seen)(CLIP, MASKS)
    ((shown, time, picture, times),) = seen.seen
    assert shown.shape == (1, FRAMES, 12, 2, 4) and time == 1 and not picture.any()
    assert times.tolist() == [[7, 127, 0]] and picture.shape == (1, 1, 8)
    again = Watched(whole.network)
    replace(whole, network=again)(CLIP, np.zeros_like(MASKS))
    other = again.seen[0][0]
    assert torch.equal(shown[:, :, :8], other[:, :, :8]) and not torch.equal(shown[:, :, 8:], other[:, :, 8:])
    assert torch.equal(shown[:, -1], other[:, -1])  # its mask is empty in both


def test_masks_are_white_where_the_object_is(folder: Path) -> None:
    whole = loaded(folder)
    seen = Watched(whole.network)
    replace(whole, network=seen)(np.full_like(CLIP, 255), np.ones_like(MASKS))
    shown = seen.seen[0][0]
    assert torch.equal(shown[:, :, 4:8], shown[:, :, 8:])


def test_longer_clips_are_cut_into_windows(folder: Path) -> None:
    whole = loaded(folder, window=3)
    seen = Watched(whole.network)
    found = replace(whole, network=seen)(CLIP, MASKS)
    assert [held[0].shape[1] for held in seen.seen] == [3] * 3
    assert torch.equal(seen.seen[0][0][:, 1:], seen.seen[1][0][:, :2])
    assert found.shape == MASKS.shape and (found != loaded(folder)(CLIP, MASKS)).any()


def test_where_memory_does_not_suffice_windows_are_halved(folder: Path) -> None:
    whole = loaded(folder)
    seen = Watched(whole.network, most=2)
    found = replace(whole, network=seen)(CLIP, MASKS)
    assert seen.seen[0][0].shape[1] == FRAMES and (found == loaded(folder, window=2)(CLIP, MASKS)).all()
    with pytest.raises(VeraError, match="memory does not suffice"):
        replace(whole, network=Watched(whole.network, most=1))(CLIP, MASKS)


def test_its_licences_are_the_network_s_and_the_base_s(folder: Path) -> None:
    assert [model.licence for model in network(folder).models] == ["CC-BY-NC-4.0", "STABILITY-COMMUNITY"]


def test_what_is_no_videomama_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="has a base"):
        MatterNetwork(str(folder), "MIT", kind="videomama")
    with pytest.raises(VeraError, match="no other has one"):
        MatterNetwork(str(folder), "MIT", base=Weights(str(folder), "MIT"))
    plain = save_videomama(tmp_path / "plain", channels=8)
    with pytest.raises(VeraError, match="reads 8 channels"):
        load_matter(network(plain))
    with pytest.raises(VeraError, match="cannot be loaded"):
        load_matter(replace(network(folder), base=Weights(str(folder / "unet"), "MIT")))

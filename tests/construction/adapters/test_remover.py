"""Casper and ROSE of random weights: loaded in both layouts, the mask's sense, windows, memory, the same every time."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tests.construction.adapters.tiny import save_inpainting, save_wan_base

from vera.construction.adapters.network import Weights
from vera.construction.adapters.remover import RemoverNetwork, load_remover
from vera.construction.adapters.wan_inpainting import load_transformer
from vera.construction.adapters.wan_remover import UNSAID, WanRemover, shown_mask
from vera.construction.stages.removal import Remove
from vera.errors import VeraError

FRAMES = 13
CLIP = np.random.default_rng(0).integers(0, 256, (FRAMES, 32, 48, 3), dtype=np.uint8)
MASKS = np.zeros((FRAMES, 32, 48), bool)
MASKS[:, 10:20, 16:30] = True


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("casper")
    save_inpainting(folder / "ours")
    save_inpainting(folder / "nested/transformer")
    save_inpainting(folder / "original", original=True)
    save_wan_base(folder / "base")
    return folder


def network(root: Path, name: str = "ours", **more: Any) -> RemoverNetwork:
    base = Weights(str(root / "base"), "Apache-2.0")
    return RemoverNetwork(str(root / name), "Apache-2.0", device="cpu", base=base, **{"steps": 2, **more})


def loaded(root: Path, **more: Any) -> WanRemover:
    remover = load_remover(network(root, **more))
    assert isinstance(remover, WanRemover)
    return remover


def test_a_clip_is_drawn_anew_and_the_same_every_time(root: Path) -> None:
    drawn = loaded(root)(CLIP, MASKS)
    assert drawn.shape == CLIP.shape and drawn.dtype == np.uint8 and drawn.std() > 0
    assert (loaded(root)(CLIP, MASKS) == drawn).all()
    assert (loaded(root, seed=1)(CLIP, MASKS) != drawn).any()
    assert (loaded(root, prompt="a red balloon")(CLIP, MASKS) != drawn).any()


@pytest.mark.parametrize("count", [1, 4, 6])
def test_any_number_of_frames(root: Path, count: int) -> None:
    assert loaded(root)(CLIP[:count], MASKS[:count]).shape == CLIP[:count].shape


@pytest.mark.parametrize("name", ["original", "nested", "original/diffusion_pytorch_model.safetensors"])
def test_layouts_hold_the_same_network(root: Path, name: str) -> None:
    path = root / name if name != "nested" else root / name / "transformer"
    if path.is_file():  # without its settings, heads are as wide as all Wan's
        with pytest.raises(VeraError, match="no multiple of 128"):
            load_transformer(path, torch.float32)
        return
    one, other = load_transformer(root / "ours", torch.float32), load_transformer(path, torch.float32)
    assert dict(one.config) == dict(other.config)
    for key, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[key]), key
    assert (loaded(root, name=name)(CLIP, MASKS) == loaded(root)(CLIP, MASKS)).all()


def test_what_diffusers_keeps_in_float32_stays_so(root: Path) -> None:
    found = load_transformer(root / "ours", torch.bfloat16)
    kinds = {name: tensor.dtype for name, tensor in found.named_parameters()}
    assert kinds["scale_shift_table"] == kinds["condition_embedder.time_embedder.linear_1.weight"] == torch.float32
    assert kinds["blocks.0.attn1.to_q.weight"] == torch.bfloat16


def test_what_goes_is_zero_and_the_rest_unsaid_or_kept() -> None:
    for kind, elsewhere in (("casper", UNSAID), ("rose", 1.0)):
        shown = shown_mask(MASKS, kind, (32, 48))
        assert shown.shape == (1, 4, 4, 32, 48)
        assert (shown[..., 10:20, 16:30] == 0).all() and (shown[..., 5:25, 11:35] == 0).all()
        assert torch.allclose(shown[..., 26:, :], torch.tensor(elsewhere))
        assert torch.allclose(shown[..., :11], torch.tensor(elsewhere))
    assert pytest.approx(128 / 255) == UNSAID


def test_each_frame_has_its_channel() -> None:
    masks = np.zeros((6, 16, 16), bool)
    masks[0], masks[3], masks[5] = True, True, True
    shown = (shown_mask(masks, "rose", (2, 2))[0, :, :, 0, 0] == 0).T  # latent frame, channel
    assert shown.tolist() == [[True] * 4, [False, False, True, False], [True] * 4]


class Watched:
    """A transformer that notes what it is shown, and has room for so many latent frames."""

    def __init__(self, network: Any, most: int = 100) -> None:
        self.network, self.most, self.seen = network, most, []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)

    def __call__(self, seen: torch.Tensor, time: torch.Tensor, text: Any, picture: Any, **more: Any) -> Any:
        self.seen.append(SimpleNamespace(latents=seen, time=time, picture=picture))
        if seen.shape[2] > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.network(seen, time, text, picture, **more)


def watched(remover: WanRemover, most: int = 100) -> tuple[WanRemover, Watched]:
    transformer = Watched(remover.parts.transformer, most)
    return replace(remover, parts=replace(remover.parts, transformer=transformer)), transformer


def test_noise_then_mask_then_the_whole_clip_is_shown(root: Path) -> None:
    remover, transformer = watched(loaded(root))
    remover(CLIP, MASKS)
    first, second = transformer.seen
    assert first.latents.shape == (1, 36, 4, 4, 6)
    assert first.latents[:, :16].std() == pytest.approx(1, abs=0.1) and first.time == 1000 > second.time
    assert torch.equal(first.latents[:, 16:20], shown_mask(MASKS, "casper", (4, 6)))
    assert torch.equal(first.latents[:, 16:], second.latents[:, 16:])
    bare, watcher = watched(loaded(root))
    bare(CLIP, np.zeros_like(MASKS))
    assert torch.equal(watcher.seen[0].latents[:, 20:], first.latents[:, 20:])  # nothing is cut out of it
    assert first.picture.shape == (1, 5, 32) and first.picture.any()


def test_rose_looks_at_no_picture(root: Path) -> None:
    remover, transformer = watched(loaded(root, kind="rose"))
    remover(CLIP, MASKS)
    assert not transformer.seen[0].picture.any() and transformer.seen[0].latents[:, 16:20].max() == 1


def test_longer_clips_are_denoised_in_windows_that_agree(root: Path) -> None:
    remover, transformer = watched(loaded(root, frames=9))
    drawn = remover(CLIP, MASKS)
    assert [seen.latents.shape[2] for seen in transformer.seen] == [3] * 4  # two windows, two steps
    first, second = transformer.seen[:2]
    assert torch.equal(first.latents[:, :, 1:], second.latents[:, :, :2])
    last = [seen.latents for seen in transformer.seen[2:]]
    assert torch.equal(last[0][:, :, 1:], last[1][:, :, :2])  # they go on from their mean
    assert (drawn != loaded(root)(CLIP, MASKS)).any()


def test_where_memory_does_not_suffice_windows_are_halved(root: Path) -> None:
    clip, masks = np.concatenate([CLIP, CLIP[:8]]), np.concatenate([MASKS, MASKS[:8]])
    small, transformer = watched(loaded(root, steps=1), most=3)
    drawn = small(clip, masks)
    sizes = [seen.latents.shape[2] for seen in transformer.seen]
    assert sizes[0] == 6 and set(sizes[1:]) == {3}
    assert (drawn == loaded(root, frames=9, steps=1)(clip, masks)).all()
    none, _ = watched(loaded(root), most=1)
    with pytest.raises(VeraError, match="remove: memory does not suffice"):
        none(clip, masks)


def test_weights_are_known_by_all_that_they_run_with(root: Path, tmp_path: Path) -> None:
    tuned, base = network(root).models
    assert (tuned.licence, base.licence) == ("Apache-2.0", "Apache-2.0") and tuned.revision != base.revision
    other = save_wan_base(tmp_path / "base")
    (other / "vae/config.json").write_text((other / "vae/config.json").read_text() + " ")
    assert replace(network(root), base=Weights(str(other), "MIT")).models[1].revision != base.revision


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("no folder", "no folder with weights"),
        ("text to video", "reads 16 channels"),
        ("no part", "has no image_encoder"),
        ("damaged", "cannot be read"),
    ],
)
def test_what_is_no_remover_is_told(root: Path, tmp_path: Path, what: str, told: str) -> None:
    path, base = root / "ours", root / "base"
    if what == "no folder":
        path = tmp_path
    if what == "text to video":
        path = save_inpainting(tmp_path / "t2v", channels=16)
    if what == "no part":
        base = save_wan_base(tmp_path / "base")
        (base / "image_encoder").rename(base / "eyes")
    if what == "damaged":
        path = tmp_path / "damaged"
        path.mkdir()
        (path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(VeraError, match=told) as error:
        load_remover(RemoverNetwork(str(path), "MIT", device="cpu", base=Weights(str(base), "MIT")))
    assert "\n" not in str(error.value)


def test_what_networks_have_removed_stays_where_the_embedded_plates_change(tmp_path: Path) -> None:
    """It costs minutes of a GPU a clip, and a person has judged it."""
    assert (Remove().version, Remove(network=network(tmp_path)).version) == (4, 1)

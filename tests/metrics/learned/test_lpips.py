"""LPIPS on AlexNet with random weights and the published heads, against torchmetrics' own network."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics.functional.image.lpips as reference
from safetensors.torch import save_file
from torch import nn

from vera.errors import VeraError
from vera.metrics.learned.lpips import SMALLEST, load_lpips

HEADS = Path(reference.__file__).parent / "lpips_models/alex.pth"


def alexnet() -> nn.Sequential:
    """The layers of AlexNet before its classifier, numbered as torchvision numbers them."""
    torch.manual_seed(0)
    first = [nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)]
    second = [nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
    widths = ((192, 384), (384, 256), (256, 256))
    rest = [layer for size in widths for layer in (nn.Conv2d(*size, 3, padding=1), nn.ReLU())]
    return nn.Sequential(*first, *second, *rest, nn.MaxPool2d(3, 2)).eval()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as users have it: torchvision's file of the whole network, and the heads of the package lpips."""
    folder = tmp_path_factory.mktemp("lpips")
    tensors = {f"features.{name}": tensor for name, tensor in alexnet().state_dict().items()}
    torch.save({**tensors, "classifier.1.bias": torch.zeros(4)}, folder / "alexnet-owt-7be5be79.pth")
    (folder / "alex.pth").write_bytes(HEADS.read_bytes())
    return folder


@pytest.fixture
def frames() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    source = random.integers(0, 256, (6, 70, 90, 3), np.uint8)
    return (source + random.integers(-40, 41, source.shape)).clip(0, 255).astype(np.uint8), source


def test_it_is_torchmetrics_network(
    weights: Path, frames: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "_get_tv_model_features", lambda *_: alexnet())
    network = reference._LPIPS(net="alex")
    tensors = [torch.from_numpy(clip).permute(0, 3, 1, 2).float() / 127.5 - 1 for clip in frames]
    expected = float(network(*tensors).mean())
    measure = load_lpips(str(weights), "cpu")
    assert expected > 0.001
    assert measure(*frames) == pytest.approx(expected, rel=1e-4)
    assert measure(*frames, np.ones(frames[0].shape[:3], bool)) == pytest.approx(expected, rel=1e-4)
    assert measure(frames[1], frames[1]) == 0


def test_only_the_region_counts(weights: Path, frames: tuple[np.ndarray, np.ndarray]) -> None:
    result, source = frames
    measure = load_lpips(str(weights), "cpu")
    region = np.zeros(result.shape[:3], bool)
    assert measure(result, source, region) is None
    region[:3, :, :40] = True
    half = np.where(region[..., None], result, 255 - source)  # outside it, anything
    inside = measure(half, source, region)
    assert inside == measure(np.where(region[..., None], result, source), source, region)
    assert inside == pytest.approx(measure(half[:3], source[:3], region[:3]), rel=1e-5)  # frames without it say nothing
    assert measure(np.where(region[..., None], source, result), source, region) == 0
    assert inside is not None and inside > 0.3 * (measure(result, source) or 0)  # it is not thinned by the frame


def test_small_frames_have_no_number(weights: Path, frames: tuple[np.ndarray, np.ndarray]) -> None:
    measure = load_lpips(str(weights), "cpu")
    cut = [clip[:, :SMALLEST, :SMALLEST] for clip in frames]
    assert measure(*cut) is not None
    assert measure(*(clip[:, 1:] for clip in cut)) is None
    with pytest.raises(VeraError, match="cannot be measured against"):
        measure(frames[0], frames[1][:3])


def test_half_precision_is_near(weights: Path, frames: tuple[np.ndarray, np.ndarray]) -> None:
    assert load_lpips(str(weights), "cpu", "bfloat16")(*frames) == pytest.approx(
        load_lpips(str(weights), "cpu")(*frames), rel=0.05
    )


def test_safetensors_say_the_same(weights: Path, frames: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    save_file(torch.load(weights / "alexnet-owt-7be5be79.pth"), tmp_path / "alexnet.safetensors")
    save_file(torch.load(HEADS, map_location="cpu"), tmp_path / "lpips.safetensors")
    assert load_lpips(str(tmp_path), "cpu")(*frames) == load_lpips(str(weights), "cpu")(*frames)


def test_missing_and_other_weights_are_told(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(VeraError, match=r"LPIPS .*holds no alexnet-owt-7be5be79.pth or alexnet.safetensors"):
        load_lpips(str(tmp_path))
    torch.save({"features.0.weight": torch.zeros(2)}, tmp_path / "alexnet-owt-7be5be79.pth")
    with pytest.raises(VeraError, match=r"holds no alex.pth"):
        load_lpips(str(tmp_path))
    (tmp_path / "alex.pth").write_bytes(HEADS.read_bytes())
    with pytest.raises(VeraError, match=r"lacks the weights 'features.0.bias'"):
        load_lpips(str(tmp_path))
    (tmp_path / "alexnet-owt-7be5be79.pth").write_bytes((weights / "alexnet-owt-7be5be79.pth").read_bytes())
    (tmp_path / "alex.pth").write_bytes((HEADS.parent / "vgg.pth").read_bytes())
    with pytest.raises(VeraError, match=r"its heads are not AlexNet's"):
        load_lpips(str(tmp_path))
    (tmp_path / "alex.pth").write_bytes(b"no tensors")
    with pytest.raises(VeraError, match=r"alex.pth: cannot be read"):
        load_lpips(str(tmp_path))
    torch.save(nn.Linear(1, 1), tmp_path / "alex.pth")  # a pickle of code, which is not run
    with pytest.raises(VeraError, match=r"alex.pth: cannot be read"):
        load_lpips(str(tmp_path))

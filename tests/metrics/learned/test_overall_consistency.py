"""OC: the published means of cosines, by small random DINO and CLIP networks that were saved and are loaded."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tests.fake_hub import FakeHub
from transformers import CLIPConfig, CLIPModel, CLIPVisionModelWithProjection, ViTConfig, ViTModel

from vera.errors import VeraError
from vera.metrics.learned.overall_consistency import (
    load_background_consistency,
    load_overall_consistency,
    load_subject_consistency,
    mean_similarity,
    middle,
    squeezed,
)

SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.fixture(scope="module")
def dino(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("dino")
    ViTModel(ViTConfig(**SMALL, patch_size=16, image_size=224)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole CLIP, as on the hub, of which only the half that sees is used."""
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("clip")
    text = {**SMALL, "vocab_size": 100, "projection_dim": 16}
    vision = {**SMALL, "patch_size": 32, "image_size": 224, "projection_dim": 16}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)).save_pretrained(folder)
    return folder


@pytest.fixture
def frames() -> np.ndarray:
    random = np.random.default_rng(0)
    steps = random.integers(-60, 61, (20, 60, 100, 3)).cumsum(axis=0)  # more than a batch
    return (128 + steps).clip(0, 255).astype(np.uint8)


def published(features: torch.Tensor) -> float:
    """The loop of IVEBench and VBench over frames."""
    similar = []
    for t in range(1, len(features)):
        cosines = [torch.nn.functional.cosine_similarity(features[t], features[other], dim=0) for other in (t - 1, 0)]
        similar.append(sum(max(0.0, float(cosine)) for cosine in cosines) / 2)
    return sum(similar) / len(similar)


def test_similarity_is_the_published_loop() -> None:
    features = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))  # some cosines are negative
    assert mean_similarity(features) == pytest.approx(published(features), abs=1e-6)
    assert mean_similarity(features[:1]) is None
    assert mean_similarity(torch.stack([features[0], -features[0]])) == 0


def test_subject_is_dino_of_squeezed_frames(dino: Path, frames: np.ndarray) -> None:
    network = ViTModel.from_pretrained(dino, add_pooling_layer=False).eval()
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    pictures = [np.asarray(Image.fromarray(frame).resize((224, 224), Image.Resampling.BILINEAR)) for frame in frames]
    with torch.no_grad():
        x = torch.from_numpy((np.stack(pictures) / 255 - mean) / deviation).permute(0, 3, 1, 2).float()
        expected = published(network(pixel_values=x).last_hidden_state[:, 0])
    assert load_subject_consistency(str(dino), "cpu")(frames) == pytest.approx(expected, abs=1e-5)


def test_background_is_clip_of_the_middle(clip: Path, frames: np.ndarray) -> None:
    network = CLIPVisionModelWithProjection.from_pretrained(clip).eval()
    mean = np.array([0.48145466, 0.4578275, 0.40821073])
    deviation = np.array([0.26862954, 0.26130258, 0.27577711])
    pictures = []
    for frame in frames:
        wide = Image.fromarray(frame).resize((373, 224), Image.Resampling.BICUBIC)  # 224 * 100 // 60
        pictures.append(np.asarray(wide)[:, 74:298])  # (373 - 224) / 2, to the even one of two halves
    with torch.no_grad():
        x = torch.from_numpy((np.stack(pictures) / 255 - mean) / deviation).permute(0, 3, 1, 2).float()
        expected = published(network(pixel_values=x).image_embeds)
    assert load_background_consistency(str(clip), "cpu")(frames) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("size", [(224, 224), (100, 60), (60, 101), (1920, 1080), (224, 225), (31, 500)])
def test_networks_see_squares(size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size)
    assert squeezed(picture).size == middle(picture).size == (224, 224)


def test_overall_is_the_mean_of_both(dino: Path, clip: Path, frames: np.ndarray) -> None:
    both = load_subject_consistency(str(dino), "cpu")(frames), load_background_consistency(str(clip), "cpu")(frames)
    measure = load_overall_consistency(str(dino), str(clip), "cpu")
    assert measure(frames) == pytest.approx(sum(both) / 2)
    assert measure(frames[:1]) is None
    assert measure(np.repeat(frames[:1], 3, axis=0)) == pytest.approx(1, abs=1e-6)
    with pytest.raises(VeraError, match="must be uint8"):
        measure(frames[0])


def test_half_precision_is_near(dino: Path, clip: Path, frames: np.ndarray) -> None:
    exact, near = (load_overall_consistency(str(dino), str(clip), "cpu", t) for t in ("float32", "bfloat16"))
    assert near(frames) == pytest.approx(exact(frames), abs=0.02)


def test_missing_networks_are_told(dino: Path, tmp_path: Path) -> None:
    with pytest.raises(VeraError, match=r"^DINO .*cannot be loaded[^\n]*$"):
        load_subject_consistency(str(tmp_path))
    with pytest.raises(VeraError, match=r"^CLIP [^\n]*$"):  # DINO is no CLIP
        load_background_consistency(str(dino))


def test_loading_says_nothing(dino: Path, clip: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_overall_consistency(str(dino), str(clip), "cpu")
    assert capfd.readouterr() == ("", "")


def test_networks_for_other_pictures_are_told(tmp_path: Path) -> None:
    ViTModel(ViTConfig(**SMALL, patch_size=16, image_size=64)).save_pretrained(tmp_path)
    with pytest.raises(VeraError, match="is shown pictures of 64 pixels"):
        load_subject_consistency(str(tmp_path))


def test_missing_weights_are_not_made_up(dino: Path, tmp_path: Path) -> None:
    tensors = load_file(dino / "model.safetensors")
    del tensors["layernorm.weight"]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    (tmp_path / "config.json").write_text(json.dumps(json.loads((dino / "config.json").read_text())))
    with pytest.raises(VeraError, match=r"lacks weights, such as .*layernorm\.weight"):
        load_subject_consistency(str(tmp_path))


def test_networks_of_the_hub(hub: FakeHub, dino: Path, frames: np.ndarray) -> None:
    hub.add_folder("some/dino", dino)
    assert load_subject_consistency("some/dino", "cpu")(frames) == load_subject_consistency(str(dino), "cpu")(frames)
    with pytest.raises(VeraError, match=r"^DINO no/such: cannot be loaded[^\n]*$"):
        load_subject_consistency("no/such", "cpu")

"""OSC by a small random network in VideoCLIP-XL's layout, against its two towers written out a second time."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from vera.errors import VeraError
from vera.metrics.learned.semantic_consistency import FILE, load_semantic_consistency
from vera.metrics.learned.video_clip import VideoClip

WORDS = [chr(letter) + end for end in ("", "</w>") for letter in range(97, 123)]
WORDS += ["re", "red</w>", "re</w>", "ca", "cat</w>", "<|startoftext|>", "<|endoftext|>"]
MERGES = ["r e", "re d</w>", "r e</w>", "c a", "ca t</w>"]
CAPTION = "A  RED &amp;amp; cat"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CLIP's tokenizer with few words; `&` is one of them, which others are not."""
    folder = tmp_path_factory.mktemp("tokenizer")
    words = ["&", "&</w>", *WORDS]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]))
    return folder


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    """Two layers of each tower, 128 and 64 wide; names and shapes are otherwise those of the published file."""
    torch.manual_seed(0)
    network = VideoClip((128, 2), (64, 2), 32, len(WORDS) + 2)
    return {name: torch.randn_like(tensor) * 0.2 for name, tensor in network.state_dict().items()}


@pytest.fixture(scope="module")
def weights(tensors: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    torch.save(tensors, folder / FILE)
    return folder


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (19, 40, 60, 3), np.uint8)


def blocks(x: Tensor, t: dict[str, Tensor], prefix: str, heads: int, causal: bool) -> Tensor:
    """`[N,C]` through two blocks, by the formulas of CLIP."""
    for layer in range(2):
        block = {name.removeprefix(f"{prefix}{layer}."): tensor for name, tensor in t.items()}
        h = functional.layer_norm(x, x.shape[1:], block["ln_1.weight"], block["ln_1.bias"])
        qkv = h @ block["attn.in_proj_weight"].T + block["attn.in_proj_bias"]
        q, k, v = (part.reshape(len(x), heads, -1).transpose(0, 1) for part in qkv.chunk(3, dim=1))
        scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
        if causal:
            scores = scores.masked_fill(torch.ones(len(x), len(x)).triu(1).bool(), float("-inf"))
        mixed = (scores.softmax(dim=-1) @ v).transpose(0, 1).reshape(len(x), -1)
        x = x + mixed @ block["attn.out_proj.weight"].T + block["attn.out_proj.bias"]
        h = functional.layer_norm(x, x.shape[1:], block["ln_2.weight"], block["ln_2.bias"])
        h = h @ block["mlp.c_fc.weight"].T + block["mlp.c_fc.bias"]
        h = h / (1 + torch.exp(-1.702 * h))
        x = x + h @ block["mlp.c_proj.weight"].T + block["mlp.c_proj.bias"]
    return x


def video_embedding(frames: np.ndarray, tensors: dict[str, Tensor]) -> Tensor:
    t = {name.removeprefix("vision_model.vision_encoder."): tensor for name, tensor in tensors.items()}
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    tokens = [t["class_embedding"] + t["positional_embedding"][0]]
    for time, number in enumerate((0, 2, 4, 6, 8, 10, 12, 14)):  # of 19, every second one
        picture = torch.from_numpy((cv2.resize(frames[number], (224, 224)) / 255 - mean) / deviation).float()
        for patch in range(256):
            row, column = 14 * (patch // 16), 14 * (patch % 16)
            square = picture[row : row + 14, column : column + 14].permute(2, 0, 1)
            token = (t["conv1.weight"][:, :, 0] * square).sum(dim=(1, 2, 3)) + t["positional_embedding"][1 + patch]
            tokens.append(token + t["temporal_positional_embedding"][0, time])
    x = functional.layer_norm(torch.stack(tokens), (128,), t["ln_pre.weight"], t["ln_pre.bias"])
    x = blocks(x, t, "transformer.resblocks.", 2, causal=False)
    return functional.layer_norm(x[0], (128,), t["ln_post.weight"], t["ln_post.bias"]) @ t["proj"]


def text_embedding(numbers: list[int], tensors: dict[str, Tensor]) -> Tensor:
    t = {name.removeprefix("text_model."): tensor for name, tensor in tensors.items()}
    places = ["positional_embedding" if place < 20 else "positional_embedding_res" for place in range(len(numbers))]
    embedded = [t["token_embedding.weight"][number] for number in numbers]
    x = torch.stack([token + t[place][i] for i, (token, place) in enumerate(zip(embedded, places, strict=True))])
    x = blocks(x, t, "transformer.resblocks.", 1, causal=True)
    return functional.layer_norm(x[-1], (64,), t["ln_final.weight"], t["ln_final.bias"]) @ t["text_projection"]


def numbers(*words: str) -> list[int]:
    table = ["&", "&</w>", *WORDS]
    return [table.index(word) for word in ("<|startoftext|>", *words, "<|endoftext|>")]


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        (CAPTION, ("a</w>", "red</w>", "&</w>", "cat</w>")),
        ("cat " * 30, ("cat</w>",) * 30),
        ("red " * 400, ("red</w>",) * 246),  # cut after 248 with its two ends
    ],
)
def test_it_is_the_cosine_of_both_towers(
    caption: str,
    words: tuple[str, ...],
    frames: np.ndarray,
    weights: Path,
    tokenizer: Path,
    tensors: dict[str, Tensor],
) -> None:
    one, other = video_embedding(frames, tensors), text_embedding(numbers(*words), tensors)
    expected = float(functional.cosine_similarity(one, other, dim=0))
    measure = load_semantic_consistency(str(weights), str(tokenizer), "cpu")
    assert measure(frames, caption) == pytest.approx(expected, abs=1e-4)


def test_short_clips_have_no_number(frames: np.ndarray, weights: Path, tokenizer: Path) -> None:
    measure = load_semantic_consistency(str(weights / FILE), str(tokenizer), "cpu")
    assert measure(frames[:7], CAPTION) is None
    assert measure(frames[:8], CAPTION) is not None
    with pytest.raises(VeraError, match="must be uint8"):
        measure(frames[0], CAPTION)


def test_missing_and_other_weights_are_told(
    weights: Path, tokenizer: Path, tensors: dict[str, Tensor], tmp_path: Path
) -> None:
    with pytest.raises(VeraError, match=r"holds no VideoCLIP-XL-v2.bin"):
        load_semantic_consistency(str(tmp_path), str(tokenizer))
    torch.save({"other": torch.zeros(1)}, tmp_path / FILE)
    with pytest.raises(VeraError, match="does not hold this network"):
        load_semantic_consistency(str(tmp_path), str(tokenizer))
    fewer = {name: tensor for name, tensor in tensors.items() if name != "text_model.ln_final.bias"}
    torch.save(fewer, tmp_path / FILE)
    with pytest.raises(VeraError, match=r"does not hold this network .*text_model\.ln_final\.bias"):
        load_semantic_consistency(str(tmp_path), str(tokenizer))
    with pytest.raises(VeraError, match="CLIP's tokenizer"):
        load_semantic_consistency(str(weights), str(tmp_path / "nothing"))


def test_another_tokenizer_is_told(tensors: dict[str, Tensor], tokenizer: Path, tmp_path: Path) -> None:
    name = "text_model.token_embedding.weight"
    torch.save({**tensors, name: torch.cat([tensors[name], tensors[name]])}, tmp_path / FILE)
    with pytest.raises(VeraError, match=r"CLIP's tokenizer .* has 61 words, the network 122"):
        load_semantic_consistency(str(tmp_path), str(tokenizer))


def test_the_published_size_is_the_default() -> None:
    with torch.device("meta"):
        shapes = {name: tuple(tensor.shape) for name, tensor in VideoClip().state_dict().items()}
    assert shapes["vision_model.vision_encoder.conv1.weight"] == (1024, 3, 1, 14, 14)
    assert shapes["vision_model.vision_encoder.transformer.resblocks.23.mlp.c_fc.weight"] == (4096, 1024)
    assert shapes["text_model.transformer.resblocks.11.attn.in_proj_weight"] == (2304, 768)
    assert shapes["text_model.positional_embedding_res"] == (248, 768)

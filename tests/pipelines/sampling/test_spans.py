"""Clips that are encoded and decoded span by span: exactly what the whole clip gives, and never held whole."""

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from vera import VeraError
from vera.pipelines import VeraPipeline
from vera.pipelines.sampling import spans

MakePipeline = Callable[..., VeraPipeline]
TEXT = "add a red balloon"

pytestmark = pytest.mark.faults


def clip(frames: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (frames, 32, 48, 3), dtype=np.uint8)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def chunked(frames: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (frames[start : start + size] for start in range(0, len(frames), size))


@pytest.fixture(params=["patch", "wan"])
def pipeline(make_pipeline: MakePipeline, monkeypatch: pytest.MonkeyPatch, request: Any) -> VeraPipeline:
    monkeypatch.setattr(spans, "CODED_TOGETHER", 2)
    return make_pipeline(request.param)


@pytest.mark.parametrize("frames", [1, 2, 5, 9, 22])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_chunks_give_the_latents_of_the_array(pipeline: VeraPipeline, frames: int, size: int) -> None:
    video = clip(frames)
    assert torch.equal(pipeline.encode_frames(chunked(video, size), frames), pipeline.encode_frames(video))
    grey = video[..., 0] > 128
    assert torch.equal(pipeline.encode_frames(chunked(grey, size), frames), pipeline.encode_frames(grey))


def test_chunks_are_not_held(pipeline: VeraPipeline) -> None:
    """While a chunk is drawn, those of earlier spans are gone."""
    alive: list[weakref.ref[np.ndarray]] = []

    def draw() -> Iterator[np.ndarray]:
        for _ in range(41):
            chunk = np.zeros((1, 32, 48, 3), np.uint8)
            alive.append(weakref.ref(chunk))
            yield chunk
            del chunk
            assert sum(reference() is not None for reference in alive) <= 9

    pipeline.encode_frames(draw(), 41)


@pytest.mark.parametrize(("held", "announced"), [(4, 5), (5, 4), (8, 13), (0, 1), (6, 5), (9, 5)])
def test_another_length_than_announced(pipeline: VeraPipeline, held: int, announced: int) -> None:
    with pytest.raises(VeraError, match=f"{announced}.*announced"):
        pipeline.encode_frames(chunked(clip(held), 2), announced)


@torch.no_grad()
def test_wans_autoencoder_is_followed_to_the_bit(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline("wan")
    vae, config = pipeline.vae, pipeline.vae.config
    x = torch.from_numpy(clip(13)).permute(3, 0, 1, 2)[None].float() / 255 * 2 - 1
    mean, std = (torch.tensor(values).view(1, 4, 1, 1, 1) for values in (config.latents_mean, config.latents_std))
    latents = (vae.encode(x).latent_dist.mode() - mean) / std
    assert torch.equal(pipeline.encode_frames(clip(13)), latents)
    decoded = vae.decode(latents * std + mean).sample[0].permute(1, 2, 3, 0) / 2 + 0.5
    assert torch.equal(pipeline.decode_latents(latents, 13), decoded.clamp(0, 1))


@pytest.mark.parametrize("frames", [1, 7, 22])
def test_spans_are_what_is_decoded_at_once(pipeline: VeraPipeline, frames: int) -> None:
    latents = pipeline.encode_frames(clip(frames))
    parts = list(pipeline.decode_spans(latents[0], frames))
    assert torch.equal(torch.cat(parts), pipeline.decode_latents(latents, frames))
    assert sum(map(len, parts)) == frames and max(map(len, parts)) <= 8
    grey = list(pipeline.decode_spans(latents, frames, grey=True))
    assert torch.equal(torch.cat(grey), torch.cat(parts).mean(dim=-1))
    assert {(part.dtype, part.device.type) for part in parts + grey} == {(torch.float32, "cpu")}
    assert not parts[0].requires_grad


def test_tiles_are_decoded_whole(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline("wan")
    latents = pipeline.encode_frames(clip(9))
    pipeline.vae.enable_tiling(16, 16, 16, 16)
    assert [len(part) for part in pipeline.decode_spans(latents, 9)] == [9]
    assert pipeline.encode_frames(clip(9)).shape == latents.shape


@pytest.mark.parametrize("frames", [5, 7])
def test_latents_stand_in_for_frames(pipeline: VeraPipeline, frames: int) -> None:
    video, mask = clip(frames), clip(frames)[..., 0] > 99
    expected = pipeline(video, TEXT, mask=mask, generator=seeded())
    inputs = {
        "instruction": TEXT,
        "source_latents": pipeline.encode_frames(chunked(video, 2), frames),
        "mask_latents": pipeline.encode_frames(chunked(mask, 2), frames),
    }
    layers = pipeline(**inputs, num_frames=frames, generator=seeded())
    assert np.array_equal(layers.edit, expected.edit) and np.array_equal(layers.alpha, expected.alpha)
    latents = pipeline(**inputs, output_type="latent", generator=seeded())
    edit, alpha = (
        torch.cat(list(pipeline.decode_spans(layer, frames, grey)))
        for layer, grey in ((latents.edit, False), (latents.alpha, True))
    )
    assert np.array_equal(edit, expected.edit) and np.array_equal(alpha, expected.alpha)
    assert len(pipeline(**inputs, generator=seeded()).edit) == {5: 5, 7: 9}[frames], "all that the latents hold"


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "either video or source_latents"),
        ({"video": clip(5), "source_latents": torch.zeros(1, 4, 2, 4, 6)}, "either video or source_latents"),
        ({"source_latents": torch.zeros(4, 2, 4, 6)}, "source_latents are"),
        ({"source_latents": torch.zeros(1, 3, 2, 4, 6)}, "source_latents are"),
        ({"source_latents": torch.zeros(1, 4, 2, 3, 6)}, "patch"),
        ({"source_latents": torch.zeros(1, 4, 2, 4, 6), "mask": clip(5)[..., 0]}, "mask_latents"),
        ({"source_latents": torch.zeros(1, 4, 2, 4, 6), "mask_latents": torch.zeros(1, 4, 3, 4, 6)}, "equal"),
        ({"source_latents": torch.zeros(1, 4, 2, 4, 6), "num_frames": 10}, "num_frames"),
        ({"video": clip(5), "mask_latents": torch.zeros(1, 4, 2, 4, 6)}, "source_latents"),
        ({"video": clip(5), "mask": clip(5)[..., 0], "mask_latents": torch.zeros(1, 4, 2, 4, 6)}, "source_latents"),
    ],
)
def test_latents_that_do_not_fit(make_pipeline: MakePipeline, inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(VeraError, match=words):
        make_pipeline()(**inputs, instruction=TEXT)

"""VACE's mask is white where it draws: the other way round than Vera's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from vera.pipelines.editors.adapters.adapter import Adapter
from vera.pipelines.editors.adapters.vace import GREY, shown
from vera.pipelines.editors.protocol import ClipWindow, Mask, Settings

SIDE = 32


def clip(frames: int, known: int = 0) -> ClipWindow:
    values = np.random.default_rng(0).integers(0, 256, (frames, SIDE, SIDE, 3), dtype=np.uint8)
    return ClipWindow(values, 16.0, 255 - values[:known])


def left_half(frames: int) -> Mask:
    """True, what must stay, on the left."""
    mask = np.zeros((frames, SIDE, SIDE), bool)
    mask[:, :, : SIDE // 2] = True
    return mask


@pytest.fixture
def seen(opened: Callable[[str], Adapter], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Give `seen(clip, mask)`: the video [3,T,H,W] in [-1,1] and the mask [T,H,W] that the real pipeline encodes."""
    editor = opened("WanVACEPipeline")
    kept: dict[str, torch.Tensor] = {}
    encode = editor.pipeline.prepare_video_latents

    def watched(video: torch.Tensor, mask: torch.Tensor, *rest: Any) -> Any:
        kept["video"], kept["mask"] = video[0], mask[0, 0]
        return encode(video, mask, *rest)

    monkeypatch.setattr(editor.pipeline, "prepare_video_latents", watched)

    def run(source: ClipWindow, mask: Mask | None) -> tuple[np.ndarray, np.ndarray]:
        editor.edit(source, "balloon", mask, 0, Settings(steps=1, guidance=1.0))
        return kept["video"].numpy(), kept["mask"].numpy()

    return run


def test_what_must_stay_is_given_and_the_rest_is_drawn(seen: Callable[..., Any]) -> None:
    source = clip(5)
    video, mask = seen(source, left_half(5))
    assert (mask[:, :, : SIDE // 2] == 0).all() and (mask[:, :, SIDE // 2 :] == 1).all()
    codes = (video.transpose(1, 2, 3, 0) + 1) * 127.5
    assert np.allclose(codes[:, :, : SIDE // 2], source.frames[:, :, : SIDE // 2], atol=0.01)
    assert np.allclose(codes[:, :, SIDE // 2 :], GREY, atol=0.01)


def test_without_a_mask_all_is_drawn_and_the_clip_is_shown(seen: Callable[..., Any]) -> None:
    source = clip(5)
    video, mask = seen(source, None)
    assert (mask == 1).all()
    assert np.allclose((video.transpose(1, 2, 3, 0) + 1) * 127.5, source.frames, atol=0.01)


@pytest.mark.parametrize("masked", [False, True])
def test_frames_of_the_window_before_are_given_whole(seen: Callable[..., Any], masked: bool) -> None:
    source = clip(9, known=3)
    video, mask = seen(source, left_half(9) if masked else None)
    assert (mask[:3] == 0).all()
    assert (mask[3:, :, SIDE // 2 :] == 1).all()
    assert np.allclose((video.transpose(1, 2, 3, 0)[:3] + 1) * 127.5, source.known, atol=0.01)


def test_padding_repeats_picture_and_mask(seen: Callable[..., Any]) -> None:
    video, mask = seen(clip(6), left_half(6))
    assert video.shape[1] == mask.shape[0] == 9
    assert (video[:, 5:] == video[:, 5:6]).all() and (mask[5:] == mask[5]).all()


def test_the_source_is_not_changed() -> None:
    source = clip(5, known=2)
    before = source.frames.copy()
    shown(source, left_half(5))
    assert np.array_equal(source.frames, before)

"""Clips and masks as callers have them, checked and brought to one form."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from diffusers.video_processor import VideoProcessor
from PIL import Image
from torch import Tensor

from vera.errors import VeraError
from vera.layers.masks import RIMS
from vera.pipelines.sampling.checks import check_held, check_values
from vera.pipelines.sampling.spans import FrameArray, as_tensor

WHITE = 128  # of 255: a mask of bytes without one so bright holds labels, as for `vera edit --mask`


def read_video(
    video: Any, height: int | None, width: int | None, processor: VideoProcessor
) -> tuple[list[Tensor], bool]:
    """Bring clips to RGB [T,H,W,3] tensors, uint8 or float in [0,1]; also say whether they came as a batch.

    `video` is one clip or a batch of them: an array or a tensor [T,H,W,3], as diffusers has it also a tensor [T,3,H,W],
    with a batch axis before or as a list; a list of frames, PIL pictures or arrays [H,W,3], or a list of such lists.
    `height` and `width` resize the clips. Raises VeraError for what is no video, and for values out of range.
    """
    clips, batched = _read_clips(video, "video", 4)
    if not clips:
        raise VeraError("video is an empty batch: give a clip")
    if any(clip.ndim != 4 or clip.shape[-1] != 3 or 0 in clip.shape for clip in clips):
        raise VeraError(f"video is [frames, height, width, 3], not {[list(clip.shape) for clip in clips]}")
    for clip in clips:
        check_values(clip, "video")
    clips = [_resize(clip, height, width, processor) for clip in clips]
    if len({tuple(clip.shape) for clip in clips}) > 1:
        shapes = [list(clip.shape) for clip in clips]
        raise VeraError(f"the clips of a batch are of one length and size, not {shapes}: call once for each")
    return clips, batched


def read_masks(
    mask: Any, clips: Sequence[Tensor], height: int | None, width: int | None, processor: VideoProcessor
) -> list[Tensor]:
    """Bring masks to grey [T,H,W] tensors, bool, uint8 up to 255 or float in [0,1]; one, or one for each of the clips.

    They come as clips do, without or with a single channel. Bytes that are 0 and 1 only count as 0 and 255; the white
    of 16 bits is 65535. Raises VeraError for what is no mask of these clips [T,H,W,3].
    """
    masks = [_white(clip) for clip in _read_clips(mask, "mask", 3)[0]]
    if len(masks) == 1 and len(clips) == len(masks[0]) > 1 and len(clips[0]) == 1:
        masks = list(masks[0][:, None])  # not a clip of many frames, but many clips of a single one
    for clip in masks:
        check_values(clip, "mask")
    wanted = list(clips[0].shape[:3])
    masks = [_resize(clip, height, width, processor) if clip.ndim == 3 else clip for clip in masks]
    for clip in masks:
        if list(clip.shape) != wanted:
            raise VeraError(f"mask is {list(clip.shape)}, the video's is {wanted}: make them equal")
    if len(masks) not in (1, len(clips)):
        raise VeraError(f"there are {len(masks)} masks for {len(clips)} clips: give one, or one for each")
    return masks


def read_tensor(frames: FrameArray, name: str) -> Tensor:
    """The array as a tensor. Raises VeraError if torch has none of its kind, or if it holds no values."""
    try:
        tensor = as_tensor(frames)
    except (TypeError, ValueError):
        raise VeraError(f"{name} is {frames.dtype}: give it as uint8, or as floats in [0, 1]") from None
    check_held(tensor, name)
    return tensor


def _read_clips(value: Any, name: str, axes: int) -> tuple[list[Tensor], bool]:
    """Clips as tensors, of `axes` axes if they are right, and whether they came as a batch."""
    if isinstance(value, Image.Image):
        value = [value]
    if isinstance(value, np.ndarray | Tensor):
        clip = _channels_last(read_tensor(value, name), axes)
        return (list(clip), True) if clip.ndim == axes + 1 else ([clip], False)
    if not isinstance(value, list | tuple) or not value:
        raise VeraError(f"{name} is an array, a tensor or a list of frames, not {_kind(value)}")
    first = value[0]
    if isinstance(first, list | tuple) or (isinstance(first, np.ndarray | Tensor) and first.ndim >= axes):
        return [clip for one in value for clip in _read_clips(one, name, axes)[0]], True
    return [_stack(value, name, axes)], False


def _stack(frames: Sequence[Any], name: str, axes: int) -> Tensor:
    """One clip of single frames."""
    if not all(isinstance(frame, Image.Image | np.ndarray | Tensor) for frame in frames):
        kinds = sorted({_kind(frame) for frame in frames})
        raise VeraError(f"{name} is a list of {' and '.join(kinds)}: its frames are pictures or arrays")
    pictures = [
        _picture(frame, axes) if isinstance(frame, Image.Image) else read_tensor(frame, name) for frame in frames
    ]
    if len({(tuple(picture.shape), picture.dtype) for picture in pictures}) > 1:
        raise VeraError(f"the frames of {name} are not of one size and kind: make them equal")
    return _channels_last(torch.stack(pictures), axes)


def _picture(frame: Image.Image, axes: int) -> Tensor:
    """RGB [H,W,3] for a video, of 4 axes; for a mask grey [H,W]: of a picture with a palette the numbers themselves.

    So are numbers of more than 8 bits, which PIL would clip; but those of 16 are bytes in a video.
    """
    deep = frame.mode in ("I", "F") or frame.mode.startswith("I;16")
    if axes == 3:
        _check_alpha(frame)
        return as_tensor(np.array(frame if deep or frame.mode == "P" else frame.convert("L")))
    if not deep:
        return torch.from_numpy(np.array(frame.convert("RGB")))
    grey = np.array(frame)
    if grey.dtype.kind == "u":
        grey = (grey // 257).astype(np.uint8)
    return as_tensor(grey)[..., None].expand(-1, -1, 3)


def _check_alpha(frame: Image.Image) -> None:
    """Warn of a mask that is clear in places, and others than those that are not white: a cutout."""
    if frame.mode in ("RGBA", "LA", "PA"):
        opaque, white = (np.array(part) >= WHITE for part in (frame.getchannel("A"), frame.convert("L")))
        if not opaque.all() and (opaque != white).mean() > RIMS:
            warnings.warn(
                "mask has a shape in its alpha, which is not read: give the alpha, as picture.getchannel('A')",
                stacklevel=2,
            )


def _channels_last(clip: Tensor, axes: int) -> Tensor:
    """diffusers' tensors have channels first; no picture is 3 wide. A mask's only channel goes."""
    if axes == 4 and clip.ndim >= 4 and clip.shape[-1] != 3 and clip.shape[-3] == 3:
        return clip.movedim(-3, -1)
    if axes == 3 and clip.ndim >= 4 and 1 in (clip.shape[-1], clip.shape[-3]):
        return clip.squeeze(-1 if clip.shape[-1] == 1 else -3)
    return clip


def _white(mask: Tensor) -> Tensor:
    """Integers as bytes whose white is 255; VeraError for labels, which are no brightness.

    White is 65535 in 16 bits, unless they hold no more than a byte.
    """
    if mask.dtype == torch.bool or mask.is_floating_point() or mask.is_complex() or not mask.numel():
        return mask
    wide = mask.dtype == torch.uint16
    mask = mask.long()  # torch does not compare all of its integers
    low, high = int(mask.min()), int(mask.max())
    unit = 257 if wide and high > 255 else 1
    if low < 0 or high > 255 * unit or 1 < high < WHITE * unit:
        raise VeraError(
            f"mask has values from {low} to {high}: white is {255 * unit}, or 1 in a mask of 0 and 1; "
            "of a map of labels give the subject's, `labels == 2` say"
        )
    return mask.bool() if high == 1 else (mask // unit).to(torch.uint8)


def _resize(clip: Tensor, height: int | None, width: int | None, processor: VideoProcessor) -> Tensor:
    """A clip of this size: itself where it has it, else uint8, frame by frame as diffusers resizes pictures."""
    if height is None or width is None or tuple(clip.shape[1:3]) == (height, width):
        return clip
    scale = 1 if clip.dtype == torch.uint8 else 255
    codes = (clip.float() * scale).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
    resized = [processor.resize(Image.fromarray(frame), height, width) for frame in codes]
    return torch.from_numpy(np.stack([np.asarray(picture) for picture in resized]))


def _kind(value: Any) -> str:
    return "an empty list" if isinstance(value, list | tuple) and not value else type(value).__name__

"""Clips and masks in every form that callers have them, and values that are none of a picture."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.video_processor import VideoProcessor
from PIL import Image

from vera import VeraError
from vera.pipelines import VeraPipeline
from vera.pipelines.sampling.clips import read_masks

MakePipeline = Callable[..., VeraPipeline]
TEXT = "add a red balloon"
VIDEO = np.random.default_rng(0).integers(0, 256, (5, 32, 48, 3), dtype=np.uint8)
MASK = np.random.default_rng(1).random((5, 32, 48)) > 0.5

pytestmark = pytest.mark.faults


def edit(pipeline: VeraPipeline, video: Any = VIDEO, **call: Any) -> np.ndarray:
    call = {"num_inference_steps": 1, "guidance_scale": 1.0} | call
    output = pipeline(video, TEXT, generator=torch.Generator().manual_seed(0), **call)
    return np.asarray(output.edit)


def pictures(frames: np.ndarray) -> list[Image.Image]:
    return [Image.fromarray(frame) for frame in frames]


FORMS: dict[str, Callable[[], Any]] = {
    "pictures": lambda: pictures(VIDEO),
    "pictures with alpha": lambda: [picture.convert("RGBA") for picture in pictures(VIDEO)],
    "list of arrays": lambda: list(VIDEO),
    "tuple of tensors": lambda: tuple(torch.from_numpy(VIDEO)),
    "float64": lambda: VIDEO / 255,
    "channels first, as in diffusers": lambda: torch.from_numpy(VIDEO).permute(0, 3, 1, 2),
    "backwards twice": lambda: np.ascontiguousarray(VIDEO[::-1])[::-1],
    "other byte order": lambda: (VIDEO / 255).astype(">f8"),
    "read only": lambda: np.broadcast_to(VIDEO, VIDEO.shape),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
def test_every_form_of_a_clip_is_the_same_clip(make_pipeline: MakePipeline, form: str) -> None:
    pipeline = make_pipeline()
    np.testing.assert_allclose(edit(pipeline, FORMS[form]()), edit(pipeline), atol=1e-6, rtol=0)


BYTES = MASK.astype(np.uint8)
MASKS: dict[str, Callable[[], Any]] = {
    "0 and 1": lambda: BYTES,
    "0 and 1, int64": lambda: np.where(MASK, 1, 0),
    "0 and 255": lambda: BYTES * 255,
    "0 and 255, int32": lambda: BYTES.astype(np.int32) * 255,
    "float": lambda: MASK.astype(np.float32),
    "half": lambda: torch.from_numpy(MASK).half(),
    "one channel": lambda: MASK[..., None],
    "one channel first": lambda: torch.from_numpy(MASK)[:, None],
    "pictures": lambda: pictures(BYTES * 255),
    "pictures of bits": lambda: [picture.convert("1") for picture in pictures(BYTES * 255)],
    "pictures in colour": lambda: [picture.convert("RGB") for picture in pictures(BYTES * 255)],
    "pictures of indices": lambda: [Image.fromarray(frame, mode="P") for frame in BYTES],
}


@pytest.mark.parametrize("form", MASKS)
@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
def test_every_form_of_a_mask_is_the_same_mask(make_pipeline: MakePipeline, form: str) -> None:
    pipeline = make_pipeline()
    expected = edit(pipeline, mask=MASK)
    assert np.array_equal(edit(pipeline, mask=MASKS[form]()), expected)
    assert not np.array_equal(edit(pipeline), expected), "the mask matters"


def test_a_cutout_is_told_of_as_no_mask(recwarn: pytest.WarningsRecorder) -> None:
    def masks(*channels: np.ndarray) -> list[torch.Tensor]:
        shown = [Image.fromarray(np.dstack(parts)) for parts in zip(*channels, strict=True)]
        return read_masks(shown, [torch.from_numpy(VIDEO)], None, None, VideoProcessor())

    masks(*[BYTES * 255] * 4)
    assert not [warning for warning in recwarn if "alpha" in str(warning.message)]
    with pytest.warns(UserWarning, match="has a shape in its alpha, which is not read: give the alpha"):
        masks(*np.moveaxis(VIDEO, -1, 0), BYTES * 255)


def sixteen_bits(codes: np.ndarray, mode: str) -> list[Image.Image]:
    """Grey pictures of these bytes in 16 bits."""
    order = ">u2" if mode == "I;16B" else "<u2"
    return [
        Image.frombytes(mode, frame.shape[::-1], (frame.astype(order) * 257).astype(order).tobytes()) for frame in codes
    ]


GREY = VIDEO[..., 0]


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_pictures_of_16_bits_are_not_clipped(make_pipeline: MakePipeline, mode: str) -> None:
    pipeline = make_pipeline()
    deep = sixteen_bits(GREY, mode)
    assert np.array_equal(edit(pipeline, deep), edit(pipeline, np.repeat(GREY[..., None], 3, axis=3)))
    assert np.array_equal(edit(pipeline, mask=deep), edit(pipeline, mask=GREY))
    assert np.array_equal(edit(pipeline, mask=GREY.astype(np.uint16) * 257), edit(pipeline, mask=GREY))
    with pytest.raises(VeraError, match=r"values from 0 to 771: white is 65535.*labels == 2"):
        edit(pipeline, mask=sixteen_bits(BYTES * 3, mode))


def test_pictures_of_floats_are_floats(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    grey = GREY.astype(np.float32) / 255
    assert np.array_equal(edit(pipeline, pictures(grey)), edit(pipeline, np.repeat(grey[..., None], 3, axis=3)))
    assert np.array_equal(edit(pipeline, mask=pictures(grey)), edit(pipeline, mask=grey))
    for deep, words in ((grey * 255, r"values from 0 to 255: floats"), (GREY.astype(np.int32), "video is int32")):
        with pytest.raises(VeraError, match=words):
            edit(pipeline, pictures(deep))


def test_a_soft_mask_and_an_empty_one_stay_what_they_are(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    soft = (MASK * 200).astype(np.uint8)
    assert np.array_equal(edit(pipeline, mask=soft), edit(pipeline, mask=soft / np.float32(255)))
    assert np.array_equal(edit(pipeline, mask=soft * 0), edit(pipeline, mask=~(MASK | ~MASK)))


def test_height_and_width_resize_clip_and_mask(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    flat = np.full((5, 40, 70, 3), (200, 100, 50), np.uint8)
    resized = edit(pipeline, flat, mask=np.ones((5, 40, 70), bool), height=32, width=48)
    assert np.array_equal(resized, edit(pipeline, np.full_like(VIDEO, (200, 100, 50)), mask=np.ones_like(MASK)))
    assert edit(pipeline, pictures(flat), height=48, width=32).shape == (5, 48, 32, 3)
    assert np.array_equal(edit(pipeline, height=32, width=48), edit(pipeline)), "its own size is no resizing"
    assert edit(pipeline, flat.astype(np.float32) / 255, height=32, width=48).shape == VIDEO.shape


def changed(value: float, dtype: Any = np.float32) -> np.ndarray:
    frames = (VIDEO / 255).astype(dtype)
    frames[2, 3, 4, 1] = value
    return frames


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"video": VIDEO.astype(np.float32)}, r"values from 0 to 255: floats lie in \[0, 1\]"),
        ({"video": VIDEO / 127.5 - 1}, "values from -1 to 1"),
        ({"video": changed(float("nan"))}, "values from nan"),
        ({"video": changed(float("inf"))}, "to inf"),
        ({"video": torch.from_numpy(changed(1.5)).bfloat16()}, "to 1.5"),
        ({"video": VIDEO.astype(np.int64)}, "video is int64"),
        ({"video": VIDEO.astype(np.uint16) * 257}, "video is uint16"),
        ({"video": VIDEO.astype(complex)}, "video is complex"),
        ({"video": VIDEO.astype(object)}, "video is object"),
        ({"video": "clip.mp4"}, "not str"),
        ({"video": ["a.png", "b.png"]}, "list of str"),
        ({"video": []}, "empty list"),
        ({"video": {}}, "not dict"),
        ({"video": [*pictures(VIDEO), Image.new("RGB", (16, 16))]}, "not of one size"),
        ({"video": [VIDEO, VIDEO[:4]]}, "one length and size"),
        ({"video": VIDEO[..., :2]}, "video is"),
        ({"height": 40, "width": 48}, "nearest size is 48x32"),
        ({"height": 32}, "both height and width"),
        ({"mask": BYTES * 2}, "from 0 to 2: white is 255"),
        ({"mask": BYTES.astype(np.int16) * 300}, "to 300"),
        ({"mask": -BYTES.astype(np.int16)}, "from -1"),
        ({"mask": MASK * 255.0}, "mask has values from 0 to 255"),
        ({"mask": np.full(MASK.shape, np.nan)}, "mask has values from nan"),
        ({"mask": MASK.astype(complex)}, "mask is complex"),
        ({"mask": VIDEO}, "mask is"),
        ({"mask": [MASK, MASK]}, "2 masks"),
        ({"mask": "mask.png"}, "mask is an array, a tensor or a list of frames, not str"),
    ],
)
def test_what_is_no_picture_is_refused(make_pipeline: MakePipeline, inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(VeraError, match=words) as error:
        edit(make_pipeline(), **inputs)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [float("nan"), 2.0, -1.0])
def test_frames_are_looked_at_by_the_encoder_itself(make_pipeline: MakePipeline, value: float) -> None:
    """Chunks are seen by nobody else."""
    with pytest.raises(VeraError, match="the clip has values"):
        make_pipeline().encode_frames(iter(changed(value)[:, None]), 5)

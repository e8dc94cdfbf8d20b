"""Trackers of random weights: what they are shown and return is transformers' own; windows, barriers, memory."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tests.construction.adapters.tiny import SIDE, save_tracker
from tests.construction.crossing import crossing
from transformers import Sam2VideoModel
from transformers.image_utils import (
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    IMAGENET_STANDARD_MEAN,
    IMAGENET_STANDARD_STD,
)
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from vera.construction.adapters.segmenter import (
    HALVES,
    IMAGENET,
    SegmenterNetwork,
    Tracker,
    load_segmenter,
    prepare,
    with_box,
)
from vera.construction.embedded import Prompts
from vera.errors import VeraError

FRAMES = 7
PROMPTS = Prompts(box=(40, 30, 40, 40), plus=[(60, 50)], minus=[(10, 10)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tracker(tmp_path_factory.mktemp("sam2"))


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    return crossing(1, FRAMES)


def tracker(folder: Path, **more: Any) -> Tracker:
    found = load_segmenter(SegmenterNetwork(str(folder), "Apache-2.0", device="cpu", **more))
    assert isinstance(found, Tracker)
    return found


def test_masks_are_those_of_the_network_itself(folder: Path, clip: np.ndarray) -> None:
    found = tracker(folder).propagate(clip, {3: PROMPTS})
    height, width = clip.shape[1:3]
    network = Sam2VideoModel.from_pretrained(folder).eval()
    session = Sam2VideoInferenceSession(prepare(clip, SIDE, IMAGENET), height, width, dtype=torch.float32)
    session.obj_id_to_idx(1)
    scale = torch.tensor([SIDE / width, SIDE / height])
    points = torch.tensor([[40.0, 30], [80, 70], [60, 50], [10, 10]]) * scale
    labels = torch.tensor([2, 3, 1, 0], dtype=torch.int32)
    session.add_point_inputs(0, 3, {"point_coords": points[None, None], "point_labels": labels[None, None]})
    session.obj_with_new_inputs = [1]
    seen = {}
    with torch.inference_mode():
        network(session, frame_idx=3)
        for reverse in (False, True):
            for output in network.propagate_in_video_iterator(session, 3, reverse=reverse):
                seen[output.frame_idx] = output.pred_masks
    own = [torch.nn.functional.interpolate(seen[t], (height, width), mode="bilinear")[0, 0] for t in range(FRAMES)]
    own_masks = np.stack([(logits > 0).numpy() for logits in own])
    assert found.any() and not found.all()
    assert (found == own_masks).mean() > 0.999  # of logits that are all but 0, rounding decides


def test_prompts_of_several_frames_and_masks_count(folder: Path, clip: np.ndarray) -> None:
    network = tracker(folder)
    mask = np.zeros(clip.shape[1:3], bool)
    mask[20:70, 30:90] = True
    one, two, drawn = (
        network.propagate(clip, given)
        for given in ({1: PROMPTS}, {1: PROMPTS, 5: replace(PROMPTS, box=(90, 20, 30, 30))}, {1: mask})
    )
    assert (one != two).any() and (one != drawn).any()
    assert (network.propagate(clip, {1: PROMPTS}) == one).all()
    overlap = (drawn[1] & mask).sum() / (drawn[1] | mask).sum()
    assert overlap > 0.9  # a mask that is given stays


def test_nothing_is_carried_over_barriers(folder: Path, clip: np.ndarray) -> None:
    network = tracker(folder)
    found = network.propagate(clip, {1: PROMPTS}, barriers=[3])
    assert (found[:3] == network.propagate(clip[:3], {1: PROMPTS})).all()
    assert not found[3:].any()
    both = network.propagate(clip, {1: PROMPTS, 5: PROMPTS}, barriers=[3])
    assert (both[:3] == found[:3]).all() and both[4:].any() and not both[3].any()


@pytest.mark.parametrize("start", [0, 3, FRAMES - 1])
@pytest.mark.parametrize("window", [2, 3, 5])
def test_windows_hand_the_mask_on(folder: Path, clip: np.ndarray, window: int, start: int) -> None:
    network = tracker(folder, window=window)
    found = network.propagate(clip, {start: PROMPTS})
    low = max(0, min(start - window // 2, FRAMES - window))
    whole = tracker(folder)
    first = whole.propagate(clip[low : low + window], {start - low: PROMPTS})
    assert (found[low : low + window - 1] == first[: window - 1]).all()
    assert found.any(axis=(1, 2)).all()


class Small:
    """A network that only ever has room for `most` frames."""

    def __init__(self, network: Any, most: int) -> None:
        self.network, self.most, self.asked = network, most, []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)

    def __call__(self, session: Any, **more: Any) -> Any:
        self.asked.append(session.num_frames)
        if session.num_frames > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.network(session, **more)

    def propagate_in_video_iterator(self, *arguments: Any, **more: Any) -> Iterator[Any]:
        return self.network.propagate_in_video_iterator(*arguments, **more)


def test_where_memory_does_not_suffice_windows_are_halved(folder: Path, clip: np.ndarray) -> None:
    whole = tracker(folder)
    small = Tracker(Small(whole.network, 4), whole.session, whole.scale, whole.window)
    assert (small.propagate(clip, {3: PROMPTS}) == tracker(folder, window=3).propagate(clip, {3: PROMPTS})).all()
    assert small.network.asked[0] == FRAMES
    with pytest.raises(VeraError, match="memory does not suffice"):
        Tracker(Small(whole.network, 1), whole.session, whole.scale, whole.window).propagate(clip, {3: PROMPTS})


@pytest.mark.parametrize("kind", ["edgetam", "sam3"])
def test_others_have_the_same_sessions(tmp_path: Path, clip: np.ndarray, kind: str) -> None:
    network = tracker(save_tracker(tmp_path / kind, kind), kind=kind)
    found = network.propagate(clip, {2: PROMPTS})
    assert found.shape == clip.shape[:3] and found.any(axis=(1, 2)).all() and not found.all()
    mask = np.zeros(clip.shape[1:3], bool)
    mask[20:70, 30:90] = True
    drawn = network.propagate(clip, {2: mask})[2]
    assert (drawn & mask).sum() / (drawn | mask).sum() > 0.9


def test_pictures_are_what_the_networks_were_trained_on() -> None:
    frame = np.full((1, 30, 50, 3), (124, 116, 104), np.uint8)  # ImageNet's mean
    video = prepare(frame, 32, IMAGENET)
    assert video.shape == (1, 3, 32, 32) and video.abs().max() < 0.02
    assert prepare(frame + np.uint8(58), 32, IMAGENET).mean() == pytest.approx(1, abs=0.02)
    assert (tuple(IMAGENET_DEFAULT_MEAN), tuple(IMAGENET_DEFAULT_STD)) == IMAGENET
    assert (tuple(IMAGENET_STANDARD_MEAN), tuple(IMAGENET_STANDARD_STD)) == HALVES
    scales = {"sam2.image_processing_sam2": IMAGENET, "sam2_video.video_processing_sam2_video": IMAGENET}
    for module, scale in {**scales, "sam3.image_processing_sam3": HALVES}.items():
        # Not imported: it wants torchvision.
        text = (Path(transformers.__file__).parent / "models" / f"{module.replace('.', '/')}.py").read_text()
        assert f"image_mean = IMAGENET_{'DEFAULT' if scale is IMAGENET else 'STANDARD'}_MEAN" in text


def test_a_box_about_a_mask_is_added_where_there_is_none() -> None:
    mask = np.zeros((40, 60), bool)
    mask[10:20, 5:25] = True
    assert with_box(Prompts(plus=[(1, 2)]), mask) == Prompts((5, 10, 20, 10), [(1, 2)])
    assert with_box(PROMPTS, mask) == PROMPTS
    assert with_box(Prompts(), np.zeros((4, 4), bool)) == Prompts()


@pytest.mark.parametrize("what", ["nothing", "no weights", "other weights"])
def test_what_is_no_tracker_is_told(tmp_path: Path, folder: Path, what: str) -> None:
    path = tmp_path / "model"
    if what != "nothing":
        path.mkdir()
        (path / "config.json").write_text((folder / "config.json").read_text())
    if what == "other weights":
        torch.manual_seed(0)
        path = save_tracker(path, memory_attention_num_layers=2)
        (path / "config.json").write_text(
            (folder / "config.json").read_text().replace('"fpn_hidden_size": 128', '"fpn_hidden_size": 64')
        )
    with pytest.raises(VeraError) as error:
        tracker(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)

"""Networks that follow an object from a few clicks: SAM 2.1, EdgeTAM and SAM 3's tracker, by transformers' sessions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.construction.adapters.network import Network, with_less
from vera.construction.embedded.regions import Frames, Mask
from vera.construction.embedded.segment import Prompts
from vera.fields import Range

CLICK, BESIDE, CORNER, OPPOSITE = 1, 0, 2, 3  # the networks' labels of clicks and of a box's corners
LEAST = 2  # frames of a window: the one that is known, and the next


class Scale(NamedTuple):
    """Mean and deviation of red, green and blue in [0,1], by which a network's pictures are scaled."""

    means: tuple[float, float, float]
    deviations: tuple[float, float, float]


IMAGENET = Scale((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALVES = Scale((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


class Segmenter(Protocol):
    """Finds an object in a frame, and carries it through a clip."""

    def mask(self, frame: Frames, prompts: Prompts) -> Mask:
        """The object that `prompts` point at in `frame` `[H,W,3]`: bool `[H,W]`."""

    def propagate(self, frames: Frames, prompts: Mapping[int, Prompts | Mask], barriers: Collection[int] = ()) -> Mask:
        """The object in all `frames` `[T,H,W,3]`, from prompts or masks of some: bool `[T,H,W]`. It is carried into no
        frame of `barriers` nor beyond."""


@dataclass(frozen=True)
class SegmenterNetwork(Network):
    """Which one, and the frames of a clip that it is given at once at most."""

    kind: Literal["sam2", "edgetam", "sam3"] = "sam2"
    window: Annotated[int, Range(LEAST, 10_000)] = 10_000


@dataclass(frozen=True)
class Tracker:
    """A loaded network, its class of sessions and what its pictures are scaled by, as `Segmenter`."""

    network: Any
    session: Any
    scale: Scale
    window: int

    def mask(self, frame: Frames, prompts: Prompts) -> Mask:
        """As `Segmenter` says."""
        return np.asarray(self._session(frame[None], {0: prompts})[0])

    def propagate(self, frames: Frames, prompts: Mapping[int, Prompts | Mask], barriers: Collection[int] = ()) -> Mask:
        """As `Segmenter` says."""
        found = np.zeros(frames.shape[:3], bool)
        edges = sorted({-1, len(frames), *barriers})
        for before, after in pairwise(edges):
            own = {t - before - 1: given for t, given in prompts.items() if before < t < after}
            if own:
                part = frames[before + 1 : after]
                carry = partial(self._carry, part, own)
                found[before + 1 : after] = with_less(carry, min(self.window, len(part)), LEAST, "masks")
        for t in set(prompts) & set(barriers):
            found[t] = self._session(frames[t : t + 1], {0: prompts[t]})[0]
        return found

    def _carry(self, frames: Frames, prompts: Mapping[int, Prompts | Mask], window: int) -> Mask:
        """Sessions of `window` frames, the first about the first prompt; each next one begins with the mask of the
        frame that it shares with the one before."""
        count, start = len(frames), min(prompts)
        low = max(0, min(start - window // 2, count - window))
        high = min(count, low + window)
        found = np.zeros(frames.shape[:3], bool)
        found[low:high] = self._session(frames[low:high], _within(prompts, low, high))
        while high < count:
            first, high = high - 1, min(count, high - 1 + window)
            given = {**_within(prompts, first, high), 0: found[first]}
            found[first + 1 : high] = self._session(frames[first:high], given)[1:]
        while low > 0:
            last, low = low, max(0, low + 1 - window)
            found[low:last] = self._session(frames[low : last + 1], {last - low: found[last]})[:-1]
        return found

    def _session(self, frames: Frames, prompts: Mapping[int, Prompts | Mask]) -> Mask:
        """The object in all frames of one session, forward and backward from the first that has a prompt."""
        import torch

        prompts = {t: given for t, given in prompts.items() if not (isinstance(given, np.ndarray) and not given.any())}
        found = np.zeros(frames.shape[:3], bool)
        if not prompts:  # it left in the window before
            return found
        device, number, side = self.network.device, self.network.dtype, self.network.image_size
        video = prepare(frames, side, self.scale)
        # Frames stay in the machine's memory; each goes to the GPU as it is looked at.
        session = self.session(
            video, *frames.shape[1:3], device, "cpu" if device.type == "cpu" else device, "cpu", number
        )
        session.obj_id_to_idx(1)
        with torch.inference_mode():
            for t, given in prompts.items():
                _give(session, t, given, frames.shape[1:3], side)
                session.obj_with_new_inputs = [1]
                self.network(session, frame_idx=t)
            for reverse in (False, True):
                for seen in self.network.propagate_in_video_iterator(session, min(prompts), reverse=reverse):
                    found[seen.frame_idx] = _enlarged(seen.pred_masks[0, 0].float().cpu().numpy(), frames.shape[1:3])
        return found


@cache
def load_segmenter(network: SegmenterNetwork) -> Segmenter:
    """Load a network, once in a process. VeraError if it cannot be loaded, or the device is not here."""
    import transformers
    from transformers.models.edgetam_video import modeling_edgetam_video
    from transformers.models.sam2_video import modeling_sam2_video
    from transformers.models.sam3_tracker_video import modeling_sam3_tracker_video

    from vera.hardware import choose_device, choose_dtype
    from vera.metrics.learned.weights import load_network

    kinds: dict[str, tuple[Any, Any, Scale]] = {
        "sam2": (transformers.Sam2VideoModel, modeling_sam2_video.Sam2VideoInferenceSession, IMAGENET),
        "edgetam": (transformers.EdgeTamVideoModel, modeling_edgetam_video.EdgeTamVideoInferenceSession, IMAGENET),
        "sam3": (
            transformers.Sam3TrackerVideoModel,
            modeling_sam3_tracker_video.Sam3TrackerVideoInferenceSession,
            HALVES,
        ),
    }
    kind, session, scale = kinds[network.kind]
    where = choose_device(network.device)
    number = choose_dtype("auto" if where.type == "cuda" else "float32", where)
    loaded = load_network(kind, network.folder(), "segmenter", where, number)
    return Tracker(loaded, session, scale, network.window)


def prepare(frames: Frames, side: int, scale: Scale) -> Any:
    """A clip `[T,H,W,3]` as a network wants it: float32 `[T,3,side,side]`, scaled, whatever its shape."""
    import torch

    means, deviations = (torch.tensor(values)[:, None, None] for values in scale)
    video = torch.empty(len(frames), 3, side, side)
    for t, frame in enumerate(frames):
        picture = torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None].float()
        scaled = torch.nn.functional.interpolate(picture, (side, side), mode="bilinear", antialias=True)[0]
        video[t] = (scaled.round().clamp(0, 255) / 255 - means) / deviations
    return video


def with_box(prompts: Prompts, mask: Mask) -> Prompts:
    """Prompts that correct a mask: with the box about it, unless they have their own."""
    if prompts.box is not None or not mask.any():
        return prompts
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return replace(prompts, box=(x, y, width, height))


def _within(prompts: Mapping[int, Prompts | Mask], low: int, high: int) -> dict[int, Prompts | Mask]:
    return {t - low: given for t, given in prompts.items() if low <= t < high}


def _give(session: Any, t: int, given: Prompts | Mask, shape: tuple[int, ...], side: int) -> None:
    import torch

    if isinstance(given, Prompts):
        points, labels = _points(given)
        scale = np.array([side / shape[1], side / shape[0]], np.float32)
        coordinates = torch.from_numpy(np.array(points, np.float32).reshape(-1, 2) * scale)[None, None]
        kinds = torch.tensor(labels, dtype=torch.int32)[None, None]
        session.add_point_inputs(0, t, {"point_coords": coordinates.to(session.dtype), "point_labels": kinds})
    else:
        mask = torch.from_numpy(given)[None, None].float()
        small = torch.nn.functional.interpolate(mask, (side, side), mode="bilinear", antialias=True)
        session.add_mask_inputs(0, t, (small >= 0.5).float())


def _points(prompts: Prompts) -> tuple[list[tuple[int, int]], list[int]]:
    """Points and what each is; a box is its corners, which come first."""
    points, labels = [*prompts.plus, *prompts.minus], [CLICK] * len(prompts.plus) + [BESIDE] * len(prompts.minus)
    if prompts.box is not None:
        x, y, width, height = prompts.box
        points, labels = [(x, y), (x + width, y + height), *points], [CORNER, OPPOSITE, *labels]
    return points, labels


def _enlarged(logits: NDArray[np.float32], shape: tuple[int, ...]) -> Mask:
    return np.asarray(cv2.resize(logits, shape[::-1], interpolation=cv2.INTER_LINEAR) > 0)

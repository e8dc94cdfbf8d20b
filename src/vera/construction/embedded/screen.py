"""Cheap scores by which clips are refused before a person sees them, and fingerprints that find near repeats."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.construction.embedded.regions import Frames
from vera.layers.refine.motion import flow, grey
from vera.video.view import spread_frames

PAIRS = 8  # pairs of neighbouring frames that motion is measured between
BLOCK = 8  # side of codecs' blocks in pixels
LOW, HIGH = 8, 247  # grey values beyond which a pixel is nearly black or white
SIDE, KEPT = 32, 8  # pixels of the picture that is hashed, and frequencies of it, to a side


@dataclass(frozen=True)
class Scores:
    """What a clip is like, without judging what it shows.

    Args:
        motion: mean length of the flow between neighbouring frames, of the frame's diagonal; 0 is a still.
        jump: largest mean difference of two neighbouring frames in [0,1], of grey: a cut is above about 0.1.
        sharpness: variance of the Laplacian of grey in codes, median of frames; blurred clips have little.
        blockiness: mean step across the borders of 8x8 blocks over that elsewhere; 1 has no blocks.
        clipped: share of pixels that are nearly black or nearly white.
        hashes: `perceptual_hash` of the first, the middle and the last frame.
    """

    motion: float
    jump: float
    sharpness: float
    blockiness: float
    clipped: float
    hashes: tuple[int, ...]


def screen(frames: Frames) -> Scores:
    """Score a clip `[T,H,W,3]`."""
    greys = [grey(frame) for frame in frames]
    some = [greys[t] for t in spread_frames(len(greys), PAIRS)]
    pairs = [(greys[t], greys[t + 1]) for t in spread_frames(len(greys) - 1, PAIRS)] if len(greys) > 1 else []
    lengths = [float(np.linalg.norm(flow(before, after), axis=-1).mean()) for before, after in pairs]
    jumps = [float(cv2.absdiff(before, after).mean()) / 255 for before, after in pairwise(greys)]
    return Scores(
        motion=float(np.mean(lengths)) / float(np.hypot(*greys[0].shape)) if lengths else 0.0,
        jump=max(jumps, default=0.0),
        sharpness=float(np.median([cv2.Laplacian(each, cv2.CV_32F).var() for each in some])),
        blockiness=float(np.median([_blockiness(each) for each in some])),
        clipped=float(np.mean([((each < LOW) | (each > HIGH)).mean() for each in some])),
        hashes=tuple(perceptual_hash(frames[t]) for t in spread_frames(len(frames), 3)),
    )


def perceptual_hash(frame: Frames) -> int:
    """64 bits of a frame `[H,W,3]` that near copies share: which low frequencies are above their median (pHash)."""
    small = cv2.resize(grey(frame), (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:KEPT, :KEPT].ravel()
    bits = low > np.median(low[1:])  # without the mean
    return int("".join("1" if bit else "0" for bit in bits), 2)


def hash_distance(one: int, other: int) -> int:
    """Bits in which two hashes differ; near copies differ in at most 6 of 64."""
    return (one ^ other).bit_count()


def _blockiness(picture: NDArray[np.uint8]) -> float:
    values = picture.astype(np.float32)
    ratios = []
    for steps in (np.abs(np.diff(values, axis=1)).mean(0), np.abs(np.diff(values, axis=0)).mean(1)):
        border = np.arange(len(steps)) % BLOCK == BLOCK - 1
        ratios.append(float(steps[border].mean()) / max(float(steps[~border].mean()), 1e-3) if border.any() else 1.0)
    return max(ratios)

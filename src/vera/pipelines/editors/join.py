"""The layers of overlapping windows as those of one clip: they are mixed as layers, never as pictures."""

from collections.abc import Iterable, Iterator

import numpy as np

from vera.layers.layer_frame import LayerFrame
from vera.pipelines.sampling.windows import Windows


def join_windows(windows: Windows, layers: Iterable[Iterable[LayerFrame]]) -> Iterator[LayerFrame]:
    """Yield the layers of every frame, in order, from those of each window.

    Where windows overlap, alpha is their weighted mean and the edit that of the colours weighted by alpha, so that a
    window that draws nothing at a pixel has no say in its colour. A frame of one window passes as it is. The frames of
    one overlap are in memory.
    """
    open_sums: dict[int, _Sum] = {}
    for number, (start, drawn) in enumerate(zip(windows.starts, layers, strict=True)):
        following = windows.starts[number + 1] if number + 1 < len(windows.starts) else windows.length
        for offset, layer in enumerate(drawn):
            frame, weight = start + offset, float(windows.weights[number, offset])
            held = open_sums.get(frame)
            if held is None and frame < following:
                yield layer
                continue
            held = held or _Sum(layer)
            held.add(layer, weight)
            if frame < following:
                open_sums.pop(frame, None)
                yield held.mean()
            else:
                open_sums[frame] = held


class _Sum:
    """Weighted sums of one frame's layers."""

    def __init__(self, like: LayerFrame) -> None:
        self.color, self.fill = np.zeros_like(like.edit), np.zeros_like(like.edit)
        self.alpha, self.total = np.zeros_like(like.alpha), 0.0

    def add(self, layer: LayerFrame, weight: float) -> None:
        share = layer.alpha * np.float32(weight)
        self.color += share[..., None] * layer.edit
        self.fill += np.float32(weight) * layer.edit
        self.alpha += share
        self.total += weight

    def mean(self) -> LayerFrame:
        covered = self.alpha[..., None] > 0
        edit = np.where(covered, self.color / np.where(covered, self.alpha[..., None], 1), self.fill / self.total)
        return LayerFrame(np.asarray(edit, np.float32), np.asarray(self.alpha / np.float32(self.total), np.float32))

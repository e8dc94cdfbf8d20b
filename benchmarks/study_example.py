"""Two other methods for the example of docs/study.md: videos by the names of a mini-benchmark's cases.

Run: python -m benchmarks.study_example MINI OUT

OUT/whole-frame: nano's composite stream, its own picture of the finished edit: every pixel of the frame regenerated, as
a video-to-video model does, from the very sampling whose edit layer and alpha make the result of `nano`. It is no V2V
model: nano's V2V ablation (recipes/ablations/nano/v2v.yaml) is not shipped with weights.
OUT/editor: the true results of MINI as a simulated editor gives them back (`benchmarks/simulated_editor.py`): the edit
is right, and all has gone through an autoencoder, a canvas of 480p, colours that drift, a shift, and x264 at crf 23.
"""

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from benchmarks.simulated_editor import Flaws, nano_coder, regenerate

from vera.evaluation.cases.benchmark import ClipCase, read_benchmark
from vera.evaluation.cases.views import read_frames
from vera.evaluation.methods.opening import open_model
from vera.pipelines.pipeline_vera import VeraPipeline
from vera.pipelines.sampling.sizes import model_size
from vera.video import open_clip, write_lossless


def whole_frame(pipeline: VeraPipeline, case: ClipCase) -> np.ndarray:
    """Frames `[T,h,w,3]` uint8 of nano's composite stream, by the seed and at the size of `vera edit`."""
    clip = open_clip(case.source)
    strides = pipeline.size_strides[::-1]
    width, height = model_size(clip.display_size, clip.display_aspect, strides, pipeline.config.model_pixels)
    drawn = pipeline(
        read_frames(case.source),
        case.instruction,
        generator=torch.Generator().manual_seed(case.seed),
        height=height,
        width=width,
        output_composite=True,
    ).composite
    return np.asarray(np.rint(drawn.clip(0, 1) * 255), np.uint8)


def keep(path: Path, frames: np.ndarray, source: Path) -> None:
    """Write frames `[T,h,w,3]` uint8 at a source's rate."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_lossless(path, frames, Fraction(open_clip(source).average_rate))


def main() -> None:
    mini, out = sys.argv[1], Path(sys.argv[2])
    pipeline, coder = open_model("nano"), nano_coder().code
    assert isinstance(pipeline, VeraPipeline)
    for number, case in enumerate(read_benchmark(mini)):
        assert case.composite is not None
        keep(out / "whole-frame" / f"{case.id}.mkv", whole_frame(pipeline, case), case.source)
        finished = read_frames(case.composite).astype(np.float32) / 255
        keep(out / "editor" / f"{case.id}.mkv", regenerate(finished, coder, number, Flaws()), case.source)


if __name__ == "__main__":
    main()

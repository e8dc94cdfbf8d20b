"""Two stand-ins for other methods, for the example of docs/study.md: videos by the names of a mini-benchmark's cases.

Run: python -m benchmarks.study_example MINI RUN OUT

OUT/redrawn: nano's results of RUN with every pixel drawn anew, by nano's autoencoder and a codec: what the same edits
would be without layers. OUT/editor: the true composites of MINI as a simulated editor gives them back
(`benchmarks/simulated_editor.py`): the edit is right, colours drift, the picture shifts and wobbles.
"""

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
from benchmarks.simulated_editor import Flaws, nano_coder, regenerate

from vera.evaluation.cases.benchmark import read_benchmark
from vera.evaluation.cases.views import read_frames
from vera.evaluation.predictions.edits import edit_folder
from vera.video import open_clip, write_lossless


def write_stand_in(path: Path, clip: Path, flaws: Flaws, seed: int) -> None:
    """Draw all of a clip anew, and write it at the editor's own size."""
    pixels = int(np.prod(open_clip(clip).display_size))
    drawn = regenerate(read_frames(clip).astype(np.float32) / 255, nano_coder(), seed, flaws, pixels)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_lossless(path, drawn, Fraction(open_clip(clip).average_rate))


def main() -> None:
    mini, run, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    for number, case in enumerate(read_benchmark(mini)):
        assert case.composite is not None
        result = edit_folder(run, "nano", case.id) / "result.mkv"
        write_stand_in(out / "redrawn" / f"{case.id}.mkv", result, Flaws(0, 0, 0), number)
        write_stand_in(out / "editor" / f"{case.id}.mkv", case.composite, Flaws(), number)


if __name__ == "__main__":
    main()

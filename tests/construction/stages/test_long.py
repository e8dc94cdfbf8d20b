"""A source of an hour: what its stages keep in memory does not grow with it, and no clip of it is missed."""

import resource
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.construction.stages.test_footage import item

from vera.construction.engine.stage import Done
from vera.construction.stages.footage import Ingest, Proxy, Split
from vera.video import read_lossless
from vera.video.open import open_output

MINUTES, SHOT = 60, 480  # a cut every half a minute
FRAMES = 81


def film(path: Path, minutes: int) -> Path:
    """Shots of one grey each, 16 frames a second."""
    with open_output(path) as file:
        stream: Any = file.add_stream("mpeg4", Fraction(16))
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for number in range(minutes * 60 * 16):
            grey = np.full((32, 32, 3), 40 + 90 * (number // SHOT % 3), np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(grey, "rgb24")))
        file.mux(stream.encode())
    return path


@pytest.mark.slow
def test_an_hour_is_cut_whole_in_little_memory(tmp_path: Path) -> None:
    def split(path: Path, out: Path) -> list[Any]:
        assert isinstance(Ingest((32, 32)).run(item(path, tmp_path / f"in{out.name}", licence={})), Done)
        return list(Split(FRAMES).run(item(path, out)).facts["clips"])

    split(film(tmp_path / "short.mp4", 2), tmp_path / "a")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path = film(tmp_path / "long.mp4", MINUTES)
    clips = split(path, tmp_path / "b")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert len(clips) == MINUTES * 2 * (SHOT // FRAMES) and grown < 150, grown
    last = clips[-1]
    Proxy((32, 32)).run(item(path, tmp_path / "c", **last))
    frames = read_lossless(tmp_path / "c/frames.mkv")
    assert len(frames) == FRAMES and frames.std() < 10  # of one shot

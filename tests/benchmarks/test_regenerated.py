"""A regenerated clip differs by what was asked for, and a recovery is scored where the true matte is 0."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.regenerated import Regeneration, measure_recovery, regenerate

from vera.metrics.preservation import IDENTICAL
from vera.video import FrameReader, model_view, open_clip


def test_shift_gain_and_size(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.arange(40, 168, 2, np.uint8)[None, :, None], (48, 64, 3))
    how = Regeneration(shift=(3, 0), gain=(1.0, 1.0, 1.0), offset=0.1, crf=1, size=(32, 24))
    regenerate([ramp, ramp], tmp_path / "a.mp4", how)
    assert open_clip(tmp_path / "a.mp4").display_size == (32, 24)
    with FrameReader(tmp_path / "a.mp4") as reader:
        seen = [model_view(frame, 32, 24) for frame in reader]
    # Column 10 shows what lay three pixels to the left of columns 20 and 21, brighter by a tenth.
    expected = ramp[0, 17:19].mean() + 25.5
    assert len(seen) == 2 and seen[0][12, 10].mean() == pytest.approx(expected, abs=2)


def test_recovery_counts_the_preserved_region_only() -> None:
    truth = np.zeros((1, 4, 8), np.float32)
    truth[:, :, 4:] = 1
    source = np.full((1, 4, 8, 3), 100, np.uint8)
    edited, layered = source + 10, source.copy()
    layered[:, :, 4:] = 255
    score = measure_recovery(source, edited, layered, truth * 0.5, truth)
    assert score.edited_psnr == pytest.approx(20 * np.log10(25.5)) and score.layered_psnr == IDENTICAL
    assert score.matte_error == pytest.approx(0.25) and score.matte_error_inside == pytest.approx(0.5)
    assert score.gain == pytest.approx(IDENTICAL - score.edited_psnr)


def test_nothing_preserved_cannot_be_scored() -> None:
    clip = np.zeros((1, 2, 2, 3), np.uint8)
    with pytest.raises(ValueError, match="nothing preserved"):
        measure_recovery(clip, clip, clip, np.ones((1, 2, 2), np.float32), np.ones((1, 2, 2), np.float32))

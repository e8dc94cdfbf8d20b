"""The small video of a case: its frames, its budget, and that equal clips give equal bytes."""

import io
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from vera.evaluation.reports.run.media import MOST, TOTAL, budget_of, make_media
from vera.evaluation.reports.run.strips import open_case, read_views, sheet
from vera.video import write_lossless


@pytest.fixture
def noisy(tmp_path: Path) -> dict[str, Path]:
    """A source and two results that no codec likes."""
    rng = np.random.default_rng(0)
    for name in ("source", "one", "two"):
        write_lossless(tmp_path / f"{name}.mkv", rng.integers(0, 256, (30, 90, 160, 3), np.uint8))
    return {name: tmp_path / f"{name}.mkv" for name in ("source", "one", "two")}


def test_frames_are_those_of_the_sheets(made: Path) -> None:
    results = {
        "layers": made / "edits/layers/street-1/result.mp4",
        "recoded": made / "edits/recoded/street-1/result.mp4",
    }
    source, region = made / "clips/street-1.mp4", made / "clips/street-1-preserved.mkv"
    media = make_media(source, results, region, tuple(results), MOST)
    with av.open(io.BytesIO(media.video)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    clips = open_case(source, results, region)
    from vera.evaluation.reports.run.strips import choose_box

    box, at = choose_box(clips)
    drawn = [sheet(views, clips, tuple(results), box) for views in read_views(clips)]
    assert len(frames) == media.frames == len(drawn) == 12
    for one, other in zip(frames, drawn, strict=True):
        assert np.abs(one.astype(int) - other).mean() < 4
    still = cv2.imdecode(np.frombuffer(media.still, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert at == media.still_frame and np.abs(still.astype(int) - drawn[at]).mean() < 4
    assert media.size == (still.shape[1], still.shape[0]) and media.masked


@pytest.mark.parametrize("budget", [60_000, 400_000])
def test_a_budget_is_kept(noisy: dict[str, Path], budget: int) -> None:
    results = {name: noisy[name] for name in ("one", "two")}
    media = make_media(noisy["source"], results, None, ("one", "two"), budget)
    assert len(media.video) + len(media.still) <= budget
    assert media.frames == 30 and not media.masked


def test_equal_clips_give_equal_bytes(made: Path) -> None:
    results = {"shifted": made / "edits/shifted/street-0/result.mp4"}
    one, two = (make_media(made / "clips/street-0.mp4", results, None, ("shifted",), MOST) for _ in range(2))
    assert one == two


def test_budgets_of_few_and_many() -> None:
    assert budget_of(1) == MOST and budget_of(141) * 141 <= TOTAL

"""What lies between the network and the layers: rate, smoothing, guide, grain; and what the manifest says of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vera import VeraError
from vera.layers.refine.clip import Refined, Refinement, clip_grain, guide_frames
from vera.layers.refine.finish import Finish
from vera.layers.views import SourceViews
from vera.video import open_clip

ClipMaker = Callable[..., Path]
FRAMES = 7


def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
    edit, alpha = np.full((count, 32, 48, 3), 0.5, np.float32), np.zeros((count, 32, 48), np.float32)
    alpha[:, 8:24, 12:30] = 1
    return edit, alpha


def refined(
    make_clip: ClipMaker, options: Refinement
) -> tuple[list[np.ndarray], list[np.ndarray], tuple[dict[str, Any], Finish]]:
    info = open_clip(make_clip("a.mkv", FRAMES, (96, 64)))
    views = SourceViews(info, range(FRAMES), (48, 32))
    refined = Refined(options, FRAMES, dict(views.pictures(guide_frames(FRAMES))))
    layers = drawn(len(refined.sampled))
    spans = [tuple(layer[start : start + 2] for layer in layers) for start in range(0, len(refined.sampled), 2)]
    edit, alpha = zip(*refined.frames(spans, views), strict=True)
    grain = clip_grain(info, range(FRAMES)) if options.grain else None
    return list(edit), list(alpha), (refined.record(), refined.finish(grain, seed=3))


@pytest.mark.parametrize("every, sampled", [(1, None), (3, [0, 3, 6]), (4, [0, 4, 6])])
def test_every_frame_has_a_layer_and_the_manifest_its_origin(
    make_clip: ClipMaker, every: int, sampled: list[int] | None
) -> None:
    edit, alpha, (recorded, _) = refined(make_clip, Refinement(every=every, smooth=True))
    assert [picture.shape for picture in edit] == [(32, 48, 3)] * FRAMES
    assert [matte.shape for matte in alpha] == [(32, 48)] * FRAMES
    assert recorded["smooth"] is True
    rate = json.loads(json.dumps(recorded)).get("rate")
    assert (rate and rate["sampled"]) == sampled
    if rate:
        places = [rate["sampled"][a] * (1 - w) + rate["sampled"][b] * w for a, b, w in rate["map"]]
        assert places == pytest.approx(range(FRAMES), abs=1e-4)


def test_what_is_asked_for_is_recorded(make_clip: ClipMaker) -> None:
    _, plain = refined(make_clip, Refinement(guide="none"))[2]
    assert plain == Finish(seed=3)
    _, full = refined(make_clip, Refinement("plate", decontaminate=True, grain=True))[2]
    assert full.guide == "plate" and full.decontaminate and full.grain is not None and full.seed == 3


def test_unusable_options_are_refused() -> None:
    with pytest.raises(VeraError, match="no guide is named 'sun'; choose from auto"):
        Refinement("sun")  # type: ignore[arg-type]
    with pytest.raises(VeraError, match="every must be at least 1, not 0"):
        Refinement(every=0)

"""Where samples changed: counted by frame and drawn upright, for formats with and without subsampled chroma."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.clips import make_clip as new_clip

from vera.layers import LayeredEdit, verify
from vera.layers.heat import FAINTEST, ChangeMap
from vera.video import Clip, FrameWriter, copy_frame, open_clip, planes

CASES: dict[str, dict[str, Any]] = {
    "8-bit": {},
    "10-bit": {"pix_fmt": "yuv422p10le"},
    "odd": {"size": (63, 47), "pix_fmt": "yuv420p"},
    "turned": {"rotation": 90, "suffix": ".mp4", "codec": "libx264"},
}


def changed_clip(clip: Clip, out: Path, places: list[tuple[int, int, int, int]]) -> Path:
    """The clip with one code more at each (frame, component, row, column)."""
    with clip.frames() as reader, FrameWriter(out, clip) as writer:
        for number, frame in enumerate(reader):
            copy = copy_frame(frame)
            for _, component, row, column in (place for place in places if place[0] == number):
                planes(copy)[component][row, column] ^= 1
            writer.write(copy)
    return out


@pytest.mark.parametrize("case", CASES)
def test_each_changed_sample_is_counted_and_shown_where_it_is(case: str, tmp_path: Path) -> None:
    how: dict[str, Any] = {"frames": 4, "size": (64, 48), "codec": "ffv1"} | CASES[case]
    suffix = how.pop("suffix", ".mkv")
    clip = open_clip(new_clip(tmp_path / f"in{suffix}", **how))
    places = [(1, 0, 3, 5), (1, 0, 3, 6), (1, 1, 7, 2), (3, 0, 3, 5)]
    result = changed_clip(clip, tmp_path / f"out{suffix}", places)
    empty = np.zeros((4, 4, 4), np.uint16)
    edit = LayeredEdit(np.zeros((4, 4, 4, 3), np.uint8), empty, clip.pts, clip.time_base)
    heat = ChangeMap(clip)
    report = verify(clip, result, edit, seen=heat.add)
    assert report.changed == 4 and heat.by_frame == [0, 3, 0, 1]
    heat.save(tmp_path / "heat.png")
    picture = np.asarray(Image.open(tmp_path / "heat.png"))
    assert picture.shape == clip.display_size[::-1]
    stored = clip.orientation.stored(picture)
    down, right = clip_steps(clip)
    expected = np.zeros((clip.height, clip.width), np.uint8)
    once = FAINTEST + (255 - FAINTEST) // 2
    expected[7 * down : 8 * down, 2 * right : 3 * right] = once
    expected[3, 6], expected[3, 5] = once, 255
    assert np.abs(stored.astype(int) - expected).max() <= 1


def clip_steps(clip: Clip) -> tuple[int, int]:
    return (2 if "420" in clip.pix_fmt else 1), 2


def test_what_is_covered_is_not_seen(tmp_path: Path) -> None:
    clip = open_clip(new_clip(tmp_path / "in.mkv", 2, (64, 48), codec="ffv1"))
    result = changed_clip(clip, tmp_path / "out.mkv", [(0, 0, 3, 5), (0, 0, 40, 5)])
    alpha = np.zeros((2, 48, 64), np.uint16)
    alpha[:, :20] = 65535
    edit = LayeredEdit(np.zeros((2, 48, 64, 3), np.uint8), alpha, clip.pts, clip.time_base)
    heat = ChangeMap(clip)
    assert verify(clip, result, edit, seen=heat.add).changed == 1
    assert heat.by_frame == [1, 0] and np.argwhere(heat.picture()).tolist() == [[40, 5]]

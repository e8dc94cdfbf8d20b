"""Proxies as Vera writes them, shown frame for frame by the rule: any size, times that vary, that begin late, sound."""

import base64
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page
from tests.clips import make_clip
from tests.web.viewer.model import ModelLayer, composed
from tests.web.viewer.proxies import matte, read_planes

from vera.layers import LayeredEdit
from vera.layers.adjust import Adjustment
from vera.layers.proxy import write_take_proxies
from vera.video import open_clip
from vera.video.proxy import write_proxy

pytestmark = pytest.mark.slow

CASES: dict[str, dict[str, Any]] = {
    "plain": {"audio": True},
    "large": {"size": (2600, 100)},
    "odd": {"size": (63, 47), "codec": "ffv1", "pix_fmt": "yuv444p", "suffix": ".mkv"},
    "tiny": {"size": (2, 2), "codec": "ffv1", "suffix": ".mkv"},
    "turned": {"rotation": 90},
    "vfr": {"time_base": Fraction(1, 600), "pts": [0, 7, 30, 50, 51, 90, 95, 200]},
    "begins late": {"pts": [50, 51, 52, 53, 54, 55, 56, 57], "suffix": ".mkv"},
    "10 bit": {"pix_fmt": "yuv420p10le", "codec": "ffv1", "suffix": ".mkv"},
}


@pytest.mark.parametrize("case", CASES)
def test_frame_for_frame(page: Page, media: Path, case: str) -> None:
    how: dict[str, Any] = {"frames": 8, "size": (96, 64)} | CASES[case]
    folder = media / case.replace(" ", "-")
    folder.mkdir()
    clip = open_clip(make_clip(folder / f"in{how.pop('suffix', '.mp4')}", **how))
    width, height = clip.display_size
    alpha = np.stack([matte((width, height), n).astype(np.uint16) * 257 for n in range(5)])
    edit = np.random.default_rng(0).integers(0, 256, (5, height, width, 3), np.uint8)
    write_proxy(clip, folder)
    frames = write_take_proxies(clip, LayeredEdit(edit, alpha, clip.pts[2:7], clip.time_base), folder)
    assert frames == [2, 3, 4, 5, 6]

    times = [float(pts * clip.time_base) for pts in clip.pts]
    given = {"times": times, "width": width, "height": height}
    assert (folder / "small.mp4").exists() == (case == "large")
    for prefix, name in (("", "proxy"), ("small_", "small")):
        paths = [folder / file for file in (f"{name}.mp4", f"{prefix}edit.mp4", f"{prefix}alpha.webm")]
        if paths[0].exists():
            check_frames(page, given, paths, frames)


def check_frames(page: Page, given: dict[str, Any], paths: list[Path], frames: list[int]) -> None:
    """Compare every frame that the page composes of a clip's proxy and a layer's with what the rule makes of them."""
    proxy, edit, alpha = (f"media/{path.parent.name}/{path.name}" for path in paths)
    files = {"id": "take", "edit": edit, "alpha": alpha, "still": "", "frames": frames}
    states = [{"media": files, "on": True, "adjustment": {"opacity": 0.7}}]
    source, edits, mattes = map(read_planes, paths)
    for frame in (7, 2, 6, 0, 1, 4, 3, 5):
        over = [ModelLayer(edits[k], mattes[k].y, Adjustment(opacity=0.7)) for k in range(5) if frames[k] == frame]
        expected = composed(source[frame], over, False, 1.0, frame)
        told = [given | {"url": proxy}, states, frame, False, "WebGL2"]
        text = page.evaluate("(told) => dev.compose(...told)", told)
        found = np.frombuffer(base64.b64decode(text), np.uint16).reshape(expected.shape)
        assert np.array_equal(found, expected), frame

"""A frame alone is the frame of the file that is written: planes, pictures and code values."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.clips import make_clip as new_clip

from vera.color.tags import ColorTags
from vera.errors import VeraError
from vera.layers import Adjustment, LayeredEdit, Stack, composite_clip
from vera.layers.composite import place
from vera.layers.paint import Stroke
from vera.layers.render import pixel_values, render_frame
from vera.video import Clip, FrameSeeker, model_view, open_clip, planes

SIZE = (64, 48)
CASES: dict[str, dict[str, Any]] = {
    "8-bit": {},
    "10-bit": {"pix_fmt": "yuv422p10le", "codec": "ffv1", "suffix": ".mkv"},
    "turned": {"rotation": 90},
    "rgb": {"pix_fmt": "gbrp10le", "codec": "ffv1", "suffix": ".mkv"},
    "vfr": {"time_base": Fraction(1, 600), "pts": [0, 7, 30, 50, 51, 90]},
}
PAINTED = Adjustment(
    opacity=0.8, offset=(3, -2), feather=1.5, paint=(Stroke(((10, 10), (30, 20)), 5.0, 0.5, range=(1, 3)),)
)


def clip_of(folder: Path, case: str) -> Clip:
    how = {"frames": 6, "size": SIZE} | CASES[case]
    suffix = how.pop("suffix", ".mp4")
    return open_clip(new_clip(folder / f"in{suffix}", **how))


def stack_of(clip: Clip) -> Stack:
    """A noisy layer over the second to fifth frames, a plain one over the first four."""
    random = np.random.default_rng(5)
    width, height = clip.display_size
    edit = random.integers(0, 256, (4, height, width, 3)).astype(np.uint8)
    alpha = (random.uniform(-1, 1.5, (4, height, width)).clip(0, 1) * 65535).astype(np.uint16)
    alpha[:, : height // 2] = 0
    above = LayeredEdit(edit, alpha, clip.pts[1:5], clip.time_base, adjustment=PAINTED)
    below = replace(above, edit=np.full_like(edit, 90), pts=clip.pts[:4], adjustment=Adjustment(blend="multiply"))
    return Stack((below, above), strict_chroma=True)


@pytest.mark.parametrize("case", CASES)
def test_a_frame_alone_is_that_of_the_file(case: str, tmp_path: Path) -> None:
    clip = clip_of(tmp_path, case)
    stack = stack_of(clip)
    placed = place(stack, clip)
    written = composite_clip(clip, stack, tmp_path / f"out{clip.path.suffix}")
    with FrameSeeker(clip) as frames, written.frames() as reader:
        for number, frame in reversed(list(enumerate(reader))):
            alone = placed.lay(frames[number])
            assert all(np.array_equal(a, b) for a, b in zip(planes(alone), planes(frame), strict=True))
            picture = model_view(frame, *clip.display_size, clip.orientation)
            assert np.array_equal(render_frame(placed, frames, number), picture)


def test_views(tmp_path: Path) -> None:
    clip = clip_of(tmp_path, "8-bit")
    stack = stack_of(clip)
    placed = place(stack, clip)
    with FrameSeeker(clip) as frames:
        source, result = (render_frame(placed, frames, 2, view) for view in ("source", "result"))
        assert np.array_equal(source, model_view(frames[2], *SIZE))
        change = np.abs(result.astype(int) - source) * 8
        assert np.array_equal(render_frame(placed, frames, 2, "difference"), change.clip(0, 255))
        none = render_frame(place(Stack(()), clip), frames, 2, "alpha")
        assert not none.any() and none.shape == (48, 64, 3)
        only = place(replace(stack.edits[0], adjustment=Adjustment()), clip)
        layer = stack.edits[0]
        assert np.array_equal(render_frame(only, frames, 2, "edit"), layer.edit[2])
        matte = np.rint(layer.alpha[2] / 65535 * 255)
        assert np.array_equal(render_frame(only, frames, 2, "alpha")[..., 0], matte)
        assert np.array_equal(render_frame(only, frames, 5, "result"), render_frame(only, frames, 5, "source"))
        with pytest.raises(VeraError, match="no view is named"):
            render_frame(placed, frames, 0, "matte")  # type: ignore[arg-type]
        with pytest.raises(IndexError):
            render_frame(placed, frames, 6)


def test_two_layers_are_laid_over_one_another(tmp_path: Path) -> None:
    clip = clip_of(tmp_path, "8-bit")
    edit = np.zeros((6, 48, 64, 3), np.uint8)
    half = np.full((6, 48, 64), 32768, np.uint16)
    red, blue = edit.copy(), edit.copy()
    red[..., 0], blue[..., 2] = 255, 255
    layers = Stack(tuple(LayeredEdit(colors, half, clip.pts, clip.time_base) for colors in (red, blue)))
    with FrameSeeker(clip) as frames:
        placed = place(layers, clip)
        assert render_frame(placed, frames, 0, "alpha")[0, 0, 0] == round(0.75 * 255)
        assert render_frame(placed, frames, 0, "edit")[0, 0].tolist() == [85, 0, 170]


@pytest.mark.parametrize("case", CASES)
def test_code_values_at_a_pixel(case: str, tmp_path: Path) -> None:
    clip = clip_of(tmp_path, case)
    placed = place(stack_of(clip), clip)
    width, height = clip.display_size
    with FrameSeeker(clip) as frames:
        stored = planes(frames[3])
        for x, y in ((0, 0), (width - 1, 0), (7, height - 3)):
            found = pixel_values(placed, frames, 3, x, y)
            luma = clip.orientation.upright(stored[0 if case != "rgb" else 2])  # gbrp keeps R last
            assert found.source[0] == luma[y, x]
            assert found.names == (("R", "G", "B") if case == "rgb" else ("Y", "Cb", "Cr"))
            if found.alpha == 0:
                assert found.result[0] == found.source[0]
        with pytest.raises(VeraError, match="there is no pixel"):
            pixel_values(placed, frames, 3, width, 0)
        if case != "rgb":
            assert pixel_values(placed, frames, 5, 0, 0).edit is None


def test_hdr_is_shown_in_bt709(tmp_path: Path) -> None:
    pq = ColorTags(1, 9, 16, 9)
    path = new_clip(tmp_path / "in.mkv", 2, SIZE, pix_fmt="yuv420p10le", codec="ffv1", color=pq)
    clip = open_clip(path)
    with FrameSeeker(clip) as frames:
        shown = render_frame(place(Stack(()), clip), frames, 0, "source")
        assert not np.array_equal(shown, model_view(frames[0], *SIZE))

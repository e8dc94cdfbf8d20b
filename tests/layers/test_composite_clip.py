"""Compositing of whole clips: frames without a layer, other clips, rotation, memory."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vera.errors import VeraError
from vera.layers import LayeredEdit, composite_clip, load_layers, save_layers
from vera.video import FrameReader, LosslessClip, open_clip, planes


def disc_edit(info_size: tuple[int, int], pts: tuple[int, ...], time_base: Fraction) -> LayeredEdit:
    width, height = info_size
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(x - width * 0.3, y - height * 0.5)
    alpha = ((height * 0.3 - distance) / 3).clip(0, 1)
    frames = len(pts)
    return LayeredEdit(
        np.full((frames, height, width, 3), (250, 30, 90), np.uint8),
        np.repeat((alpha * 65535).round().astype(np.uint16)[None], frames, 0),
        pts,
        time_base,
    )


def test_frames_without_a_layer_pass_through(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    source = make_clip("in.mp4", frames=6, size=(48, 32), audio=True)
    info = open_clip(source)
    out = tmp_path / "out.mp4"
    composite_clip(source, disc_edit((48, 32), info.pts[:2], info.time_base), out)
    assert open_clip(out).pts == info.pts
    with FrameReader(source) as before, FrameReader(out) as after:
        changed = [
            any(not np.array_equal(a, b) for a, b in zip(planes(one), planes(other), strict=True))
            for one, other in zip(before, after, strict=True)
        ]
    assert changed == [True, True, False, False, False, False]


def test_layers_of_another_clip_are_refused(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    source = make_clip("in.mp4", frames=3)
    edit = disc_edit((32, 32), (10**9,), open_clip(source).time_base)
    with pytest.raises(VeraError, match="another clip"):
        composite_clip(source, edit, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotated_footage_gets_its_layer_upright(rotation: int, tmp_path: Path) -> None:
    """The disc is at the left of what is shown, wherever that is in the coded picture."""
    from vera.video import model_view

    source, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv444p"
        stream.set_display_rotation(rotation)
        for _ in range(2):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((32, 64, 3), 80, np.uint8), "rgb24")))
        container.mux(stream.encode(None))
    info = open_clip(source)
    edit = disc_edit(info.display_size, info.pts, info.time_base)
    composite_clip(source, edit, out)
    with FrameReader(out) as reader:
        upright = model_view(next(iter(reader)), *info.display_size, info.orientation)
    red = upright[..., 0] > 180
    assert np.abs(np.argwhere(red).mean(0) - np.argwhere(edit.alpha[0] > 40000).mean(0)).max() < 1


def test_layers_on_disk_are_never_whole_in_memory(
    make_clip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Laid in memory or from disk the result is the same, and from disk each layer frame is read once, in order."""
    source = make_clip("in.mp4", frames=6, size=(48, 32))
    info = open_clip(source)
    edit = disc_edit((48, 32), info.pts, info.time_base)
    save_layers(edit, tmp_path / "layers")
    composite_clip(source, edit, tmp_path / "one.mp4")
    read: list[tuple[str, int]] = []

    def watched(
        clip: LosslessClip, index: int, get: Callable[..., np.ndarray] = LosslessClip.__getitem__
    ) -> np.ndarray:
        read.append((clip.path.stem, index))
        return get(clip, index)

    monkeypatch.setattr(LosslessClip, "__getitem__", watched)
    composite_clip(source, load_layers(tmp_path / "layers"), tmp_path / "two.mp4")
    assert read == [(name, index) for index in range(6) for name in ("edit", "alpha")]
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()

"""Proxies of layers: alpha code for code, one frame for each layer frame, and which source frames these are."""

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.clips import make_clip as new_clip
from tests.layers.test_render import stack_of

from vera.layers import LayeredEdit
from vera.layers.proxy import AlphaWriter, write_take_proxies
from vera.video import open_clip, planes
from vera.video.open import open_output


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**16), size=st.sampled_from([(64, 48), (62, 34), (200, 102), (2, 2)]))
def test_alpha_comes_back_code_for_code(
    seed: int, size: tuple[int, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    random = np.random.default_rng(seed)
    mattes = [random.integers(0, 256, size[::-1]).astype(np.uint8) for _ in range(4)]
    mattes += [np.full(size[::-1], code, np.uint8) for code in (0, 1, 16, 235, 255)]
    path = tmp_path_factory.mktemp("alpha") / "alpha.webm"
    with open_output(path) as container:
        writer = AlphaWriter(container, size)
        for matte in mattes:
            writer.write(matte)
        writer.end()
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert len(packets) == len(mattes) and all(packet.is_keyframe for packet in packets)
    with av.open(str(path)) as container:
        for matte, frame in zip(mattes, container.decode(video=0), strict=True):
            assert frame.format.name in ("yuv420p", "yuvj420p") and int(frame.color_range) == 2
            assert np.array_equal(planes(frame)[0], matte)
            assert all((plane == 128).all() for plane in planes(frame)[1:])


def test_a_frame_for_each_layer_frame(tmp_path: Path) -> None:
    clip = open_clip(new_clip(tmp_path / "in.mp4", 6, (64, 48)))
    edit = stack_of(clip).edits[1]
    told: list[int] = []
    frames = write_take_proxies(clip, edit, tmp_path, lambda stage, done, total: told.append(done))
    assert frames == [1, 2, 3, 4] and told == [1, 2, 3, 4]
    pictures = open_clip(tmp_path / "edit.mp4")
    assert pictures.frame_count == 4
    with av.open(str(tmp_path / "alpha.webm")) as container:
        for matte, frame in zip(edit.alpha, container.decode(video=0), strict=True):
            # Not adjusted: the page does that.
            assert np.array_equal(planes(frame)[0], np.rint(matte / 65535 * 255))


def test_layers_of_another_size_have_the_proxys(tmp_path: Path) -> None:
    clip = open_clip(new_clip(tmp_path / "in.mp4", 3, (64, 48)))
    small = LayeredEdit(
        np.full((3, 24, 32, 3), 200, np.uint8), np.full((3, 24, 32), 65535, np.uint16), clip.pts, clip.time_base
    )
    write_take_proxies(clip, small, tmp_path)
    assert open_clip(tmp_path / "edit.mp4").display_size == (64, 48)
    with av.open(str(tmp_path / "alpha.webm")) as container:
        assert all((planes(frame)[0] == 255).all() for frame in container.decode(video=0))


def test_proxies_at_half_the_size(tmp_path: Path) -> None:
    clip = open_clip(new_clip(tmp_path / "in.mp4", 2, (800, 400)))
    alpha = np.zeros((2, 400, 800), np.uint16)
    alpha[:, :, 401:] = 65535
    write_take_proxies(
        clip, LayeredEdit(np.full((2, 400, 800, 3), 200, np.uint8), alpha, clip.pts, clip.time_base), tmp_path
    )
    small = open_clip(tmp_path / "small_edit.mp4")
    assert small.display_size == (400, 200) and small.pts == open_clip(tmp_path / "edit.mp4").pts
    with av.open(str(tmp_path / "small_alpha.webm")) as container:
        mattes = [planes(frame)[0] for frame in container.decode(video=0)]
    wanted = np.repeat([0, 128, 255], [200, 1, 199]).astype(int)
    assert len(mattes) == 2 and all(np.abs(matte - wanted).max() <= 1 for matte in mattes)

"""Proxies of layers for a viewer: the edit layer as H.264 of key frames, alpha as lossless VP9, code for code."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vera.color.tags import FULL
from vera.color.transform import color_transform
from vera.layers.adjust import NEUTRAL
from vera.layers.layer_frame import to_codes, to_float
from vera.layers.layered_edit import LayeredEdit
from vera.layers.render import show_colors
from vera.layers.source_match import frame_map
from vera.progress import Progress
from vera.video import Clip, model_view
from vera.video.arrays import planes
from vera.video.open import open_output
from vera.video.proxy import MUXING, IntraWriter, proxy_size, shrink, small_size, small_writer

# One key frame after the other, nothing that waits for others, and no loss; the speed of libvpx costs no quality here.
LOSSLESS = {"lossless": "1", "g": "1", "keyint_min": "1", "deadline": "realtime", "cpu-used": "8", "row-mt": "1"}
LOSSLESS |= {"lag-in-frames": "0", "auto-alt-ref": "0"}


def write_take_proxies(clip: Clip, edit: LayeredEdit, folder: Path, progress: Progress | None = None) -> list[int]:
    """Write `edit.mp4` and `alpha.webm` of the clip's proxy size into a folder: one frame for each layer frame.

    Layers are finished as at full size, but not adjusted, and shown in BT.709 as the clip's proxy is. The luma of
    `alpha.webm` is alpha from 0 to 255. `small_edit.mp4` and `small_alpha.webm` are the same at `small_size`, if that
    is not None. Returns the number of the source frame of each layer frame. Raises VeraError as `frame_map`.
    """
    size, transform = proxy_size(clip), color_transform(clip.color, None, None)
    index_of = frame_map(edit, clip)
    edit = replace(edit, adjustment=NEUTRAL)
    with (
        open_output(folder / "edit.mp4", container_options=MUXING) as pictures,
        open_output(folder / "alpha.webm", container_options=MUXING) as mattes,
        small_writer(folder / "small_edit.mp4", size, clip) as small_edit,
        _small_alpha(folder / "small_alpha.webm", size) as small_alpha,
    ):
        writer, matte = IntraWriter(pictures, size, clip), AlphaWriter(mattes, size)
        for done, (index, pts, plate) in enumerate(_plates(clip, edit, index_of, size), 1):
            layer = edit.frame(index, size, plate)
            picture, alpha = show_colors(layer.edit, transform), to_codes(to_float(layer.alpha), np.uint8)
            writer.write(picture, pts - clip.pts[0])
            matte.write(alpha)
            small_edit(picture, pts - clip.pts[0])
            small_alpha(alpha)
            if progress is not None:
                progress("preview", done, len(index_of))
        writer.end()
        matte.end()
    return [clip.position(pts) for pts in sorted(index_of)]


class AlphaWriter:
    """Writes mattes `[H,W]` uint8 as the luma, of full range, of lossless VP9 of key frames, 25 a second."""

    def __init__(self, container: Any, size: tuple[int, int]) -> None:
        self._container, self._count = container, 0
        self._stream: Any = container.add_stream("libvpx-vp9", rate=25, options=LOSSLESS)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.color_range = FULL

    def write(self, alpha: NDArray[np.uint8]) -> None:
        """Write the next matte."""
        frame = av.VideoFrame(alpha.shape[1], alpha.shape[0], "yuv420p")
        luma, *chroma = planes(frame)
        luma[...] = alpha
        for plane in chroma:
            plane[...] = 128
        frame.pts, frame.color_range = self._count, FULL
        self._count += 1
        self._container.mux(self._stream.encode(frame))

    def end(self) -> None:
        """Write what is left."""
        self._container.mux(self._stream.encode(None))


@contextmanager
def _small_alpha(path: Path, size: tuple[int, int]) -> Iterator[Callable[[NDArray[np.uint8]], None]]:
    small = small_size(size)
    if small is None:
        yield lambda alpha: None
        return
    with open_output(path, container_options=MUXING) as container:
        writer = AlphaWriter(container, small)
        yield lambda alpha: writer.write(shrink(alpha, small))
        writer.end()


def _plates(clip: Clip, edit: LayeredEdit, index_of: Any, size: tuple[int, int]) -> Any:
    """Index, time and plate of each layer frame in order; the source is read only where its picture is needed."""
    if not edit.finish.needs_plate:
        yield from ((index_of[pts], pts, None) for pts in sorted(index_of))
        return
    with clip.frames() as reader:
        for frame in reader:
            if frame.pts in index_of:
                yield index_of[frame.pts], frame.pts, model_view(frame, *size, clip.orientation)

"""A layer and its matte as two sequences of numbered 16-bit pictures, straight."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vera.layers.export.samples import rescale
from vera.layers.export.shot import LayerFrames, Shot
from vera.video import planes
from vera.video.open import open_output


def write_stills(
    shot: Shot, frames: LayerFrames, folder: Path, suffix: str, encoder: str, order: str, options: dict[str, str]
) -> dict[str, str]:
    """Write `layer/NAME_layer_straight.NUMBER` and `matte/NAME_matte.NUMBER`, 16 bits in byte order `le` or `be`.

    Returns their names with a printf form for the number. Colours are the layer's own, without tags: programs give
    an untagged picture the space of the project. Raises what PyAV and the system raise.
    """
    names = {
        "layer": f"layer/{shot.name}_layer_straight.{shot.padding}{suffix}",
        "matte": f"matte/{shot.name}_matte.{shot.padding}{suffix}",
    }
    for name in names.values():
        (folder / name).parent.mkdir()
    with (
        _numbered(shot, folder / names["layer"], encoder, f"rgba64{order}", options) as layers,
        _numbered(shot, folder / names["matte"], encoder, f"gray16{order}", options) as mattes,
    ):
        for edit, alpha in frames:
            layers(np.dstack([rescale(edit, 65535), alpha]))
            mattes(alpha)
    return names


@contextmanager
def _numbered(
    shot: Shot, path: Path, encoder: str, pix_fmt: str, options: dict[str, str]
) -> Iterator[Callable[[NDArray[Any]], None]]:
    """Give a function that writes the next picture to the next file; several are encoded at a time."""
    pattern = str(path.parent).replace("%", "%%") + f"/{path.name}"
    with open_output(pattern, "image2", {"start_number": str(shot.numbers.start)}) as container:
        stream: Any = container.add_stream(encoder, rate=25, options=options)
        (stream.width, stream.height), stream.pix_fmt = shot.size, pix_fmt
        stream.codec_context.sample_aspect_ratio = shot.clip.display_aspect
        stream.codec_context.thread_type = "FRAME"
        times = count()

        def write(picture: NDArray[Any]) -> None:
            frame = av.VideoFrame(*shot.size, pix_fmt)
            planes(frame)[0][...] = picture
            frame.pts = next(times)
            container.mux(stream.encode(frame))

        yield write
        container.mux(stream.encode(None))

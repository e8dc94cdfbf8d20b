"""H.264 that every player shows alike: 8 bits, 4:2:0, BT.709, limited."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vera.color.tags import LIMITED, SPACE_709, ColorTags, apply_tags
from vera.video.view import ACCURATE

BT709 = ColorTags(range=LIMITED, space=SPACE_709, trc=1, primaries=1)


def add_h264(container: Any, rate: Fraction, options: Mapping[str, str]) -> Any:
    """Add a stream of libx264 to a container; `options` are the encoder's. Its width and height are left to set."""
    stream = container.add_stream("libx264", rate=rate, options=dict(options))
    stream.pix_fmt = "yuv420p"
    apply_tags(BT709, stream.codec_context)
    return stream


def delivery_frame(picture: NDArray[np.uint8]) -> av.VideoFrame:
    """Return a frame of such a stream from R'G'B' `[H,W,3]`, uint8, full range."""
    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(
        format="yuv420p", src_color_range=2, dst_color_range=LIMITED, dst_colorspace=1, interpolation=ACCURATE
    )
    apply_tags(BT709, frame)
    return frame

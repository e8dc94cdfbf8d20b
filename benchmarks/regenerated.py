"""What an editor that regenerates the whole picture does to a clip, and how well layers recovered from it do."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Frames
from vera.color.tags import SPACE_709, ColorTags, apply_tags
from vera.metrics.matting import mean_absolute_error
from vera.metrics.preservation import psnr
from vera.video.open import open_output


@dataclass(frozen=True)
class Regeneration:
    """A re-encode: pixels of shift (right, down), gain and offset of R, G and B, x264's crf, size (None: the same)."""

    shift: tuple[float, float] = (0.0, 0.0)
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset: float = 0.0
    crf: int = 20
    size: tuple[int, int] | None = None


def regenerate(clip: Iterable[NDArray[np.uint8]], path: Path, how: Regeneration, rate: Fraction = Fraction(25)) -> None:
    """Write RGB frames `[H,W,3]` as an editor would that draws every pixel anew: H.264 4:2:0, tagged BT.709."""
    color = ColorTags(1, SPACE_709, 1, 1)
    with open_output(path) as container:
        stream: Any = container.add_stream("libx264", rate=rate, options={"crf": str(how.crf), "preset": "medium"})
        for index, picture in enumerate(clip):
            changed = picture * np.array(how.gain, np.float32) + np.float32(how.offset * 255)
            height, width = picture.shape[:2]
            size = how.size or (width, height)
            scale = np.array([[size[0] / width, 0], [0, size[1] / height]])
            matrix = np.column_stack([scale, scale @ how.shift + (np.diag(scale) - 1) / 2])
            if size[0] < width:
                changed = cv2.GaussianBlur(changed, (0, 0), 0.4 * width / size[0])
            moved = cv2.warpAffine(changed, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            frame = av.VideoFrame.from_ndarray(np.rint(moved.clip(0, 255)).astype(np.uint8), "rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=SPACE_709, dst_color_range=1)
            frame.pts = index
            apply_tags(color, frame)
            if index == 0:
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
                apply_tags(color, stream.codec_context)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@dataclass(frozen=True)
class Recovery:
    """PSNR in dB against the source where the true alpha is 0, of the edited clip and of the layers laid over the
    source; mean absolute error of the matte, and within the pixels where the true alpha is above 0."""

    edited_psnr: float
    layered_psnr: float
    matte_error: float
    matte_error_inside: float

    @property
    def gain(self) -> float:
        return self.layered_psnr - self.edited_psnr


def measure_recovery(
    source: Frames, edited: Frames, layered: Frames, alpha: NDArray[np.float32], truth: NDArray[np.float32]
) -> Recovery:
    """All of one size, time first; alphas in [0,1]. Raises ValueError if the true matte leaves nothing preserved."""
    region = truth == 0
    before, after = psnr(edited, source, region), psnr(layered, source, region)
    if before is None or after is None:
        raise ValueError("the true matte leaves nothing preserved")
    inside = ~region
    within = float(np.abs(alpha - truth)[inside].mean()) if inside.any() else 0.0
    return Recovery(before, after, mean_absolute_error(alpha, truth), within)

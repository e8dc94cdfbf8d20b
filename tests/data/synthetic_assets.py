"""A miniature of the folder that `make assets` fills: drawn sprites and small EXR panoramas."""

import base64
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from vera.data.synthesis.vocabulary import SCENES

SPRITES = {"octopus": "1f419", "strawberry": "1f353", "automobile": "1f697"}


def make_assets(folder: Path) -> Path:
    """Fill `folder` as `assets/npm` is filled and return it."""
    emoji = folder / "fluent-emoji-3d" / "assets"
    emoji.mkdir(parents=True)
    for i, code in enumerate(SPRITES.values()):
        bgra = np.zeros((256, 256, 4), np.uint8)
        color = [40, 40, 40, 255]
        color[i] = 220
        cv2.circle(bgra, (128, 128), 100, color, -1)
        cv2.imwrite(str(emoji / f"{code}.webp"), bgra)
    scenes = folder / "pmndrs" / "hdri"
    scenes.mkdir(parents=True)
    for i, name in enumerate(SCENES):
        exr = base64.b64encode(_exr(i)).decode()
        (scenes / f"{name}.exr.js").write_text(f"export default 'data:application/exr;base64,{exr}';")
    return folder


def _exr(seed: int) -> bytes:
    """A half-float picture of 64x32 smooth random colours."""
    coarse = np.random.default_rng(seed).uniform(0.05, 1, (4, 8, 3)).astype(np.float32)
    picture = cv2.resize(coarse, (64, 32))
    frame = av.VideoFrame(64, 32, "gbrpf32le")
    for plane, channel in zip(frame.planes, (1, 2, 0), strict=False):
        rows = np.zeros((32, plane.line_size // 4), np.float32)
        rows[:, :64] = picture[..., channel]
        plane.update(rows.tobytes())
    codec = av.CodecContext.create("exr", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = 64, 32, "gbrpf32le", Fraction(1, 25)
    codec.options = {"format": "half"}
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])

"""Footage: probe, read, write. Knows nothing of layers or models."""

from vera.video.arrays import copy_frame, planes
from vera.video.clip import AudioInfo, Clip, ClipLike, as_clip, open_clip
from vera.video.codecs import CODECS, Codec, default_codec
from vera.video.lossless import LosslessClip, LosslessWriter, read_lossless, write_lossless
from vera.video.open import Footage
from vera.video.orientation import UPRIGHT, Orientation
from vera.video.output import check_output
from vera.video.reader import FrameReader
from vera.video.seeking import FrameSeeker
from vera.video.view import model_view
from vera.video.write import FrameWriter

__all__ = [
    "CODECS",
    "UPRIGHT",
    "AudioInfo",
    "Clip",
    "ClipLike",
    "Codec",
    "Footage",
    "FrameReader",
    "FrameSeeker",
    "FrameWriter",
    "LosslessClip",
    "LosslessWriter",
    "Orientation",
    "as_clip",
    "check_output",
    "copy_frame",
    "default_codec",
    "model_view",
    "open_clip",
    "planes",
    "read_lossless",
    "write_lossless",
]

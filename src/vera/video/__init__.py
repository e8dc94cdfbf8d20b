"""Footage: probe, read, convert and write it, with nothing lost on the way."""

from vera.video.colour import matrix_of, rgb_to_ycbcr, ycbcr_to_rgb
from vera.video.info import AudioInfo, ColorTags, MediaInfo, probe
from vera.video.read import FrameReader, model_view, planes
from vera.video.write import CODECS, FrameWriter, check_output, default_codec

__all__ = [
    "CODECS",
    "AudioInfo",
    "ColorTags",
    "FrameReader",
    "FrameWriter",
    "MediaInfo",
    "check_output",
    "default_codec",
    "matrix_of",
    "model_view",
    "planes",
    "probe",
    "rgb_to_ycbcr",
    "ycbcr_to_rgb",
]

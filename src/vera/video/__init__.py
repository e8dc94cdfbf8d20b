"""Footage: probe, read, write, colour. Knows nothing of layers or models."""

from vera.video.codecs import CODECS, Codec, default_codec
from vera.video.colour import ColorTags, apply_tags, color_tags, resolve_color, rgb_to_ycbcr, ycbcr_to_rgb
from vera.video.info import AudioInfo, MediaInfo, probe
from vera.video.lossless import LosslessClip, LosslessWriter, read_lossless, write_lossless
from vera.video.opening import Source, SourceLike, as_source
from vera.video.orientation import UPRIGHT, Orientation
from vera.video.output import check_output
from vera.video.read import copy_frame, model_view, planes
from vera.video.reader import FrameReader
from vera.video.write import FrameWriter

__all__ = [
    "CODECS",
    "UPRIGHT",
    "AudioInfo",
    "Codec",
    "ColorTags",
    "FrameReader",
    "FrameWriter",
    "LosslessClip",
    "LosslessWriter",
    "MediaInfo",
    "Orientation",
    "Source",
    "SourceLike",
    "apply_tags",
    "as_source",
    "check_output",
    "color_tags",
    "copy_frame",
    "default_codec",
    "model_view",
    "planes",
    "probe",
    "read_lossless",
    "resolve_color",
    "rgb_to_ycbcr",
    "write_lossless",
    "ycbcr_to_rgb",
]

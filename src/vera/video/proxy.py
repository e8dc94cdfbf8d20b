"""A clip's proxy: small, a key frame for each of its frames; its thumbnails and the peaks of its sound."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray
from PIL import Image

from vera.color.transform import color_transform
from vera.files import json_text
from vera.progress import Progress
from vera.video.clip import Clip
from vera.video.delivery import add_h264, delivery_frame
from vera.video.open import open_output, open_video
from vera.video.view import source_view, spread_frames

LONGEST_SIDE = 1280
QUICK_SIDE = 640  # what is no longer than this decodes fast enough to scrub
MOST_THUMBNAILS, THUMBNAIL = 48, (320, 72)  # width and height at most: a JPEG has 65,535 pixels in a row
PEAKS = 2000
# Every frame a key frame and none that waits for another: any of them is shown after one packet, backwards as well.
MUXING = {"movflags": "faststart", "fflags": "+bitexact"}  # the index first, and no ids made up
# CAVLC in place of CABAC: a quarter more bytes, and a third of the time to decode, which is what scrubbing waits for.
INTRA = {"crf": "18", "preset": "veryfast", "bf": "0", "coder": "vlc", "x264-params": "keyint=1:scenecut=0"}


def proxy_size(clip: Clip) -> tuple[int, int]:
    """Width and height of the proxy: upright, with square pixels, even, no side above 1280 and none enlarged."""
    width, height = clip.display_size
    one, aspect = Fraction(1), clip.display_aspect
    wide, high = width * max(aspect, one), height * max(1 / aspect, one)
    scale = min(one, Fraction(LONGEST_SIDE) / max(wide, high))
    return max(2, round(wide * scale / 2) * 2), max(2, round(high * scale / 2) * 2)


def small_size(size: tuple[int, int]) -> tuple[int, int] | None:
    """Width and height of a proxy at half its size, even; None for one that needs no smaller one to scrub."""
    if max(size) <= QUICK_SIDE:
        return None
    return max(2, round(size[0] / 4) * 2), max(2, round(size[1] / 4) * 2)


def shrink(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Average a picture `[H,W]` or `[H,W,3]` to a width and height."""
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def thumbnail_frames(clip: Clip) -> list[int]:
    """Numbers of the frames that the strip of thumbnails shows."""
    return spread_frames(clip.frame_count, MOST_THUMBNAILS)


def write_proxy(clip: Clip, folder: Path, progress: Progress | None = None) -> None:
    """Write `proxy.mp4`, `thumbnails.jpg` and, of a clip with sound, `peaks.json` into a folder.

    The proxy is H.264 in BT.709, limited, frame k that of the clip's frame k, with its times from the first on and its
    first sound track as AAC. HDR is tone mapped. `small.mp4` is its picture at `small_size`, if that is not None.
    `thumbnails.jpg` is a row of equal tiles. Raises as the reader does.
    """
    size, transform = proxy_size(clip), color_transform(clip.color, None, None)
    wanted, tiles = set(thumbnail_frames(clip)), []
    with (
        open_output(folder / "proxy.mp4", container_options=MUXING) as container,
        small_writer(folder / "small.mp4", size, clip) as small,
    ):
        sound = clip.audio[0].index if clip.audio else None
        track: Any = None if sound is None else _add_sound(container, clip)
        writer = IntraWriter(container, size, clip)
        with clip.frames() as reader:
            for number, frame in enumerate(reader):
                picture = source_view(frame, *size, clip.orientation, transform)
                writer.write(picture, clip.pts[number] - clip.pts[0])
                small(picture, clip.pts[number] - clip.pts[0])
                if number in wanted:
                    tiles.append(_tile(picture))
                if progress is not None:
                    progress("proxy", number + 1, clip.frame_count)
        writer.end()
        peaks = None if sound is None else _write_sound(container, track, clip, sound)
    Image.fromarray(np.concatenate(tiles, axis=1)).save(folder / "thumbnails.jpg", quality=85)
    if peaks is not None:
        (folder / "peaks.json").write_text(json_text({"peaks": peaks}), encoding="utf-8")


class IntraWriter:
    """Writes pictures `[H,W,3]` uint8, BT.709 R'G'B', as H.264 of key frames with the times of a clip."""

    def __init__(self, container: Any, size: tuple[int, int], clip: Clip) -> None:
        self._container = container
        self._stream = add_h264(container, clip.coded_rate, INTRA)
        self._stream.width, self._stream.height = size
        self._time_base = self._stream.codec_context.time_base = self._stream.time_base = clip.time_base
        self._durations = clip.frame_durations()
        self._first = clip.pts[0]

    def write(self, picture: NDArray[np.uint8], pts: int) -> None:
        """Write a picture at a time after the clip's first, in its ticks."""
        frame = delivery_frame(picture)
        frame.pts, frame.time_base = pts, self._time_base
        self._mux(self._stream.encode(frame))

    def end(self) -> None:
        """Write what is left."""
        self._mux(self._stream.encode(None))

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            packet.duration = self._durations.get(packet.pts + self._first, 0)
            self._container.mux(packet)


@contextmanager
def small_writer(path: Path, size: tuple[int, int], clip: Clip) -> Iterator[Callable[[NDArray[np.uint8], int], None]]:
    """Give what writes a proxy's pictures at `small_size`, with times as `IntraWriter`'s; if None, no file."""
    small = small_size(size)
    if small is None:
        yield lambda picture, pts: None
        return
    with open_output(path, container_options=MUXING) as container:
        writer = IntraWriter(container, small, clip)
        yield lambda picture, pts: writer.write(shrink(picture, small), pts)
        writer.end()


def _tile(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    scale = min(THUMBNAIL[0] / width, THUMBNAIL[1] / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(picture).resize(size))


def _add_sound(container: Any, clip: Clip) -> Any:
    track = container.add_stream("aac", rate=48000, layout="stereo")
    track.bit_rate = 192_000
    return track


def _write_sound(container: Any, track: Any, clip: Clip, index: int) -> list[int]:
    """Encode the clip's sound from its first picture on; returns its peaks."""
    rate = 48000
    peaks = np.zeros(PEAKS)
    start, length = clip.pts[0] * clip.time_base, max(float(clip.duration), 1e-6)
    source, _ = open_video(clip.path)
    free = 0  # the first sample after those that are written
    with source:
        for frame in _resampled(source, source.streams[index]):
            first = round((frame.pts * frame.time_base - start) * rate)
            # Floats may be no numbers, or so many times too loud that the encoder fails.
            samples = np.nan_to_num(frame.to_ndarray()).clip(-1, 1)
            _raise_peaks(peaks, samples, first / rate / length, 1 / rate / length)
            if first < 0:  # before the first picture
                continue
            sound = AudioFrame.from_ndarray(samples, "fltp", "stereo")
            sound.pts = max(first, free)  # times that step back are moved up, as `fit_packets` does
            sound.sample_rate, sound.time_base = rate, Fraction(1, rate)
            container.mux(track.encode(sound))
            free = sound.pts + sound.samples
    container.mux(track.encode(None))
    return [round(peak * 255) for peak in peaks.clip(0, 1)]


def _resampled(source: Any, stream: Any) -> Iterator[Any]:
    """Frames of sound as stereo of 48 kHz; those that cannot be decoded are left out."""
    resampler: AudioResampler | None = None
    heard: tuple[str, str, int] | None = None
    for packet in source.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        for frame in frames:
            if frame.pts is None:
                continue
            # A broadcast's channels and rate may change on the way, and a resampler takes those that it began with.
            kind = frame.format.name, frame.layout.name, frame.sample_rate
            if resampler is None or kind != heard:
                yield from _flushed(resampler)
                resampler, heard = AudioResampler("fltp", "stereo", 48000), kind
            yield from (part for part in resampler.resample(frame) if part.pts is not None)
    yield from _flushed(resampler)


def _flushed(resampler: AudioResampler | None) -> Iterator[Any]:
    if resampler is not None:
        yield from (part for part in resampler.resample(None) if part.pts is not None)


def _raise_peaks(peaks: NDArray[np.float64], samples: NDArray[Any], place: float, step: float) -> None:
    """Raise the peaks of the parts that samples `[channels,n]` fall into; `place` and `step` are shares of the clip."""
    loud = np.abs(samples).max(axis=0)
    parts = ((place + step * np.arange(len(loud))) * len(peaks)).astype(np.int64)
    inside = (parts >= 0) & (parts < len(peaks))
    np.maximum.at(peaks, parts[inside], loud[inside])

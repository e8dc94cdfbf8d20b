"""Writing: frames back to a file with the source's times, tags, sound and other tracks, whole or not at all."""

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
from av.video.frame import PictureType
from av.video.stream import VideoStream

from vera.color.tags import apply_tags
from vera.errors import VeraError
from vera.video.arrays import bare_copy
from vera.video.carried.carry import carry
from vera.video.carried.lost import not_held
from vera.video.carried.packets import shift_packet
from vera.video.carried.side_data import asides, lost_asides
from vera.video.clip import Clip
from vera.video.codecs import Codec, encoder_pix_fmt
from vera.video.decoding.exr import left_out, write_picture
from vera.video.decoding.tiff import is_premultiplied
from vera.video.encoder import add_pictures
from vera.video.open import open_output, open_video
from vera.video.output import check_output, clock_notices, muxer_options, user_errors
from vera.video.sequence import Sequence, find_sequence, image_pattern, is_pattern, source_files
from vera.whole import whole_file, whole_folder, whole_name

FIRST_NUMBER = 1001  # of the pictures of a new sequence, as is the custom where shots are worked on
_LAST_NUMBER = 2**31 - 1  # that FFmpeg writes


class _DiscardedError(Exception):
    """What a file that is given up ends with."""


class FrameWriter:
    """Writes frames as `clip` describes them: pixel format, size, time base, colour tags, rotation, pixel aspect, HDR.

    Use as a context manager. Everything goes to `partial`, a file of another name in the same folder, which takes the
    name `path` when the block ends well and is removed when it ends in an exception: under `path` there is never half a
    file (see `whole_file`). A `path` such as `new/shot.####.png` is an image sequence, and its
    folder takes its name when it is whole.

    `codec` is a name in `CODECS` or a codec of one's own, by default the lossless one for the suffix. `audio_from`: a
    file (as a rule the source) whose sound, subtitles, covers, chapters and words are copied as they are. .mp4, .mov
    and .m4v keep every time exactly; .mkv rounds them to milliseconds. `notices`: a line for each thing that such a
    file can't hold; they are warned of, too. VeraError, from the constructor where it can be known there: unknown
    codec, one that can't hold such frames, sound that the file can't hold, a folder that is missing or can't be
    written, a path that is the source, a full disk.
    """

    def __init__(
        self, path: Path | str, clip: Clip, codec: str | Codec | None = None, audio_from: Path | str | None = None
    ) -> None:
        self.path = Path(path)
        self.clip = clip
        self.notices: list[str] = []
        carried = None if audio_from is None else Path(audio_from)
        self._codec = check_output(self.path, clip, codec, carried)
        self._is_sequence = is_pattern(self.path)
        self._whole = whole_folder(self.path.parent) if self._is_sequence else whole_file(self.path)
        self._clock = Fraction(0) if self._is_sequence else clip.clock
        self._durations = clip.frame_durations()
        self._exr: Sequence | None = None  # the source's pictures, which the result's are written over
        self._carries = False
        self._asides: dict[str, int] = {}  # what the pictures say, and the number of the first that does
        self._count = 0
        self._resources = ExitStack()
        self._found: list[str] = []  # what gets lost, to be told
        with self._user_errors():
            self.partial = self._whole.__enter__()
        try:
            with self._user_errors():
                self._open(carried)
            self._notice(self._found)
        except BaseException as error:
            self.discard(error)
            raise

    def _open(self, carried: Path | None) -> None:
        """Begin the file, up to its header."""
        if is_premultiplied(source_files(self.clip.path)[0]):
            self._found.append("the source's alpha is marked as premultiplied; it is taken for straight, and marked so")
        if self._is_sequence:
            self._found += self._open_sequence()
            if self._exr:
                return
        else:
            self._found += clock_notices(self.clip)
            options = muxer_options(self.path, self.clip)
            self._container = open_output(self.partial, container_options=options)
        self._resources.enter_context(self._container)
        suffix = self.path.suffix.lower()
        self._stream, self._encoder = add_pictures(self._container, self.clip, self._codec, suffix)
        self._carried: Iterator[Any] = iter(())
        self._carries = carried is not None and not self._is_sequence and find_sequence(carried) is None
        if carried is not None and self._carries:
            source, pictures = open_video(carried)
            self._resources.enter_context(source)
            self._carried = carry(source, self._container, self.path, pictures.index, self.clip, self._found)
        self._container.start_encoding()
        self._next_carried = next(self._carried, None)

    def _open_sequence(self) -> list[str]:
        """Pictures in a folder of their own, numbered as the source's or from `FIRST_NUMBER`."""
        source = find_sequence(self.clip.path)
        start = FIRST_NUMBER if source is None else source.start
        counted = 0 <= start <= _LAST_NUMBER - self.clip.frame_count
        if self._codec.encoder == "exr":
            assert source is not None  # no other footage has such samples
            self._exr = source
            return left_out(source.files)
        pattern, clip = image_pattern(self.partial / self.path.name), self.clip
        self._container = open_output(pattern, "image2", {"start_number": str(start if counted else FIRST_NUMBER)})
        others = [*clip.chapters, *clip.metadata, *(track for track in clip.tracks if track.kind != "picture")]
        held = {"sound": clip.audio, "frame times": clip.is_vfr, "tracks, chapters and words": others}
        lost = [f"an image sequence can't hold the {what} of the source" for what, there in held.items() if there]
        return lost if counted else [*lost, f"its pictures are numbered from {FIRST_NUMBER}, not from {start}"]

    def write(self, frame: av.VideoFrame) -> None:
        """Encode the next frame. It must have the size and format of `clip` and a `pts`, and come in order of time.

        Its picture type and colour tags are set to what the encoder needs; its samples are not touched.
        """
        clip = self.clip
        if (frame.width, frame.height, frame.format.name) != (clip.width, clip.height, clip.pix_fmt):
            raise VeraError(
                f"{clip.path}: a frame is {frame.width}x{frame.height} {frame.format.name} where the first is "
                f"{clip.width}x{clip.height} {clip.pix_fmt}; cut the clip where its format changes"
            )
        if frame.pts is None:
            raise ValueError("a frame without pts has no place in time")
        if self._exr:
            out = image_pattern(self.partial / self.path.name) % (self._exr.start + frame.pts)
            write_picture(frame, self._exr.files, frame.pts, Path(out))
            return
        for name in asides(frame):
            self._asides.setdefault(name, self._count)
        self._count += 1
        pix_fmt = encoder_pix_fmt(self._codec, clip.pix_fmt)
        if pix_fmt != frame.format.name:
            frame = bare_copy(frame, pix_fmt)
        # A decoded frame carries the source's choice of I, P or B, which the encoder would be made to repeat.
        frame.pict_type = PictureType.NONE
        apply_tags(clip.color, frame)
        with self._user_errors():
            self._mux(self._encoder.encode(frame))

    def finish(self) -> None:
        """Write what is left and give the file its name."""
        try:
            with self._user_errors():
                if not self._exr:
                    self._mux(self._encoder.encode(None))
                    self._mux_carried(until=None)
                self._resources.close()
                written = self.partial / self.path.name if self._is_sequence else self.partial
                told = {name: first for name, first in self._asides.items() if name not in self.clip.records}
                self._found += not_held(written, self.clip, self._carries) + lost_asides(written, told)
                self._whole.__exit__(None, None, None)
            self._notice(self._found)
        except BaseException as error:
            self.discard(error)
            raise

    def discard(self, error: BaseException | None = None) -> None:
        """Give up: close and remove the partial file. `error`: the reason, which names `path` then, not that file."""
        # Closing writes the trailer, which fails again where writing failed before.
        with suppress(av.FFmpegError, OSError):
            self._resources.close()
        failure = error or _DiscardedError()
        self._whole.__exit__(type(failure), failure, None)

    def _user_errors(self) -> AbstractContextManager[None]:
        return user_errors(self.path, bool(self.clip.audio))

    def _mux(self, packets: list["av.Packet[VideoStream]"]) -> None:
        for packet in packets:
            packet.stream = self._stream
            # Muxers take a frame's length from the next one's time; only this tells them how long the last one lasts.
            if packet.pts is not None:
                packet.duration = self._durations.get(packet.pts, 0)
            shift_packet(packet, self._clock)
            if packet.dts is not None:
                self._mux_carried(until=packet.dts * packet.time_base)
            self._container.mux(packet)

    def _mux_carried(self, until: Fraction | None) -> None:
        """Copy other tracks' packets up to `until` seconds: in turn with the pictures, so the muxer holds few back."""
        while (packet := self._next_carried) is not None:
            if until is not None and packet.dts is not None and packet.dts * packet.time_base > until:
                return
            self._container.mux(packet)
            self._next_carried = next(self._carried, None)

    def _notice(self, lines: list[str]) -> None:
        """Keep and warn of what the file can't hold, as far as it was not told before."""
        for line in lines[len(self.notices) :]:
            self.notices.append(f"{whole_name(self.path)}: {line}")
            warnings.warn(self.notices[-1], stacklevel=3)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.discard(error)

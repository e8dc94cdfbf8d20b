"""Reading: every frame of a clip at its time, whatever is damaged in between."""

import heapq
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain, islice
from types import TracebackType
from typing import Any, Self

import av
from av.packet import Packet
from av.video.reformatter import VideoReformatter

from vera.errors import VeraError
from vera.video.arrays import as_progressive, bare_copy, plane_layout
from vera.video.decoding.damage import (
    PacketCount,
    check_decoded,
    check_fragments,
    check_whole,
    counted_packets,
    has_times,
    packet_is_frame,
    warn_damaged,
)
from vera.video.decoding.decoder import frame_decoder
from vera.video.decoding.deinterlace import deinterlaced
from vera.video.decoding.ffv1 import slices_whole
from vera.video.decoding.filters import DISPLAY_MATRIX, has_side_data
from vera.video.decoding.kind import Kind, changed, frame_kind
from vera.video.decoding.png import common_format, widened
from vera.video.decoding.slots import Slots
from vera.video.formats import is_float, plain
from vera.video.open import FootageLike, as_footage, check_unchanged, open_video, packets
from vera.video.orientation import Matrix, display_matrix
from vera.video.sequence import source_files


class FrameReader:
    """Frames of the first video stream of a file, or of an image sequence, in presentation order; decoded on all cores.

    Use as a context manager and iterate once. A frame's `pts` and `time_base` are those of the file; where a container
    keeps no times they are the slots of its packets (AVI's, which may be empty) or count on at the nominal rate (raw
    streams), and an image sequence counts its pictures. A time that repeats is moved on by a tick. Samples that are
    packed into words, palettes and single bits come as planes (`plain_format`).

    A frame that is damaged does not end the clip: what the decoder made of it is kept, and if that is nothing, the
    frame before stands in for it. `damaged` lists the times of such frames, in seconds, as far as it was read; at the
    end a `DamageWarning` names them.

    A `Source` says what else is to be done: `interlaced` tells whether frames were, on disk (see `deinterlaced`).
    VeraError from the constructor for what is no video (see `open_video`), and from the iteration if frames are
    interlaced and not to be deinterlaced, if their size, format or pixel aspect changes, if the file is cut off, or if
    of more than half of it nothing comes out.
    """

    def __init__(self, source: FootageLike) -> None:
        source = as_footage(source)
        self.path = source.path
        self.damaged: list[Fraction] = []
        self.interlaced = False
        self._deinterlace = source.deinterlace
        self._progressive = source.progressive
        self._rate = source.rate
        self._lost = 0  # of the damaged frames those of which nothing came out
        self._has_checksums = False
        self.container, self.stream = open_video(self.path, source.rate)
        try:
            self._files = source_files(self.path)
            check_unchanged(self.path, source.state)
            self._format = common_format(self._files)
        except VeraError:
            self.container.close()
            raise

    def __iter__(self) -> Iterator[av.VideoFrame]:
        frames = self._checked(self._decoded())
        try:
            yield from deinterlaced(frames, self.path) if self._deinterlace else frames
        except av.FFmpegError as error:
            raise VeraError(
                f"{self.path}: its pictures can't be taken over ({error.strerror}); convert it to H.264, ProRes or FFV1"
            ) from error

    def first(self, count: int) -> Iterator[av.VideoFrame]:
        """The first `count` frames, instead of iterating: what is damaged among them is told, whether or not more is
        asked for."""
        given = 0
        try:
            for frame in islice(self, count):
                given += 1
                yield frame
        finally:
            warn_damaged(self.path, given, self.damaged)

    def frames_from(self, key: int) -> Iterator[av.VideoFrame]:
        """Frames from the key frame at time `key` on, as iterating gives them where nothing is damaged.

        Frames that are shown before it are left out. They end where something is damaged, and none come where the file
        cannot be entered there. For files that keep times, and image sequences; instead of iterating.
        """
        try:
            yield from self._checked(self._entered(key))
        except av.FFmpegError as error:
            raise VeraError(f"{self.path}: is damaged ({error.strerror}); copy or export it again") from error

    def skip_to(self, key: int) -> None:
        """Have iterating begin with the key frame at time `key`, or before it; of what is before, some may be damaged.

        For files that keep times; an image sequence begins with its first picture all the same.
        """
        if self.container.format.name != "image2":
            # Streams without an index are entered by decoding times, which are earlier.
            early = round(1 / self._grid()[0]) if self.container.format.name in ("mpegts", "mpeg") else 0
            self.container.seek(key - early, stream=self.stream)

    def _entered(self, key: int) -> Iterator[av.VideoFrame]:
        is_sequence = self.container.format.name == "image2"
        self.skip_to(key)
        decode = frame_decoder(self.stream, self._files)
        entered = False
        for packet in packets(self.container, self.stream, self._files, key if is_sequence else 0):
            if not entered and packet.pts != key:
                if packet.dts is None or packet.dts > key:
                    return
                continue
            entered = True
            frames = decode(packet)
            if frames is None or packet.is_corrupt or any(frame.is_corrupt for frame in frames):
                return  # what a decoder makes of damage depends on what came before
            yield from (frame for frame in frames if frame.pts is not None and frame.pts >= key)

    def _checked(self, frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        """Frames in their plain formats, progressive or to be made so."""
        scaler = VideoReformatter()
        kind: Kind | None = None
        matrix: Matrix | None = None
        for count, frame in enumerate(frames):
            if count == 0:
                matrix = display_matrix(frame)
            # A picture without a matrix of its own is shown as the one before.
            elif has_side_data(frame, DISPLAY_MATRIX) and display_matrix(frame) != matrix:
                raise VeraError(f"{self.path}: is turned otherwise from {frame.time:.3f} s on; cut it there")
            self.interlaced |= frame.interlaced_frame
            if self.interlaced and not (self._deinterlace or self._progressive):
                raise VeraError(
                    f"{self.path}: is interlaced at {frame.time:.3f} s; deinterlace it first, or add --deinterlace, or "
                    "--progressive if it only says so"
                )
            if self._progressive and frame.interlaced_frame:
                frame = as_progressive(frame)
            frame = plain(frame, scaler)
            if self._format is not None:
                frame = widened(frame, self._format, scaler)
            kind = self._same(kind, frame)
            if is_float(frame.format.name) and self.stream.codec_context.name != "exr":
                raise VeraError(f"{self.path}: has floating-point samples, which only EXR sequences may; make it one")
            try:
                plane_layout(frame.format.name)
            except VeraError as error:
                raise VeraError(f"{self.path}: its {error}") from None
            yield frame

    def _same(self, first: Kind | None, frame: av.VideoFrame) -> Kind:
        """The kind of all frames, which `frame` must be of as well."""
        kind = frame_kind(frame, self.stream)
        if first is not None and kind != first:
            is_sequence = self.container.format.name == "image2"
            raise changed(self._files[frame.pts or 0] if is_sequence else self.path, frame.time, first, kind)
        return kind

    def _decoded(self) -> Iterator[av.VideoFrame]:
        counted = PacketCount()
        count = 0
        last: tuple[int, int] | None = None  # the time of the frame before, in the file and as given
        try:
            for frame in self._filled(counted) if has_times(self.container) else self._slotted(counted):
                time = frame.pts or 0
                if last is not None and last[0] <= time <= last[1]:
                    frame.pts = last[1] + 1  # a time that repeats; one that steps back is refused by `probe`
                last = time, frame.pts or 0
                yield frame
                count += 1
        except av.FFmpegError as error:
            raise VeraError(
                f"{self.path}: is damaged at frame {count} ({error.strerror}); copy or export it again"
            ) from error
        check_whole(self.path, self.container, self.stream, counted)
        if counted.packets and not count:
            raise VeraError(f"{self.path}: is damaged, none of its frames can be decoded; copy or export it again")
        if last is not None:
            check_fragments(self.path, float(last[1] * self._grid()[0]))
        check_decoded(self.path, count, self.damaged, self._lost)

    def _filled(self, counted: PacketCount) -> Iterator[av.VideoFrame]:
        """A frame for each packet that shows one, so far as packets tell, each with its time."""
        exact = packet_is_frame(self.container, self.stream)
        tick, step = self._grid()
        due: list[int] = []  # a heap: times of packets that went in and whose frames are not yet out
        suspect: set[int | None] = set()
        last: av.VideoFrame | None = None
        for packet, frames in chain(self._packets(counted), self._rest(due)):
            if packet.size and packet.pts is not None and not packet.is_discard:
                if exact:
                    heapq.heappush(due, packet.pts)
                if packet.is_corrupt or not self._is_whole(packet):
                    suspect.add(packet.pts)
            for frame in frames or ():
                if frame.pts is None:
                    frame.pts = 0 if last is None else (last.pts or 0) + step
                while due and due[0] < frame.pts:
                    yield self._stand_in(last or frame, heapq.heappop(due))
                if due and due[0] == frame.pts:
                    heapq.heappop(due)
                if frame.is_corrupt or frame.pts in suspect:
                    self.damaged.append(frame.pts * tick)
                last = frame
                yield frame
            if frames is None and not exact and packet.pts is not None:
                self.damaged.append(packet.pts * tick)
        if last is not None:
            for pts in sorted(due):
                yield self._stand_in(last, pts)

    def _slotted(self, counted: PacketCount) -> Iterator[av.VideoFrame]:
        """Frames of a file that keeps no times, each at its slot (see `Slots`)."""
        tick, step = self._grid()
        slots = Slots(step)
        suspect: set[int] = set()
        last: av.VideoFrame | None = None
        for packet, frames in self._packets(counted, slots=True):
            if packet.size:
                slots.enter(packet.pts)
                if packet.is_corrupt or not self._is_whole(packet):
                    suspect.add(packet.pts)
                if frames is None:
                    slots.leave(packet.pts, None)
            for frame in frames or ():
                slots.leave(frame.pts, frame)
            for slot, placed, pts in slots.placed(at_end=not packet.size):
                if placed is not None:
                    if placed.is_corrupt or slot in suspect:
                        self.damaged.append(pts * tick)
                    placed.pts = pts
                    last = placed
                    yield placed
                elif last is not None:
                    yield self._stand_in(last, pts)

    def _grid(self) -> tuple[Fraction, int]:
        """Seconds of a tick, and ticks from one frame to the next at the nominal rate."""
        rate = self.stream.average_rate or self.stream.guessed_rate or Fraction(25)
        tick = self.stream.time_base or 1 / rate
        return tick, max(1, round(1 / (rate * tick)))

    def _stand_in(self, frame: av.VideoFrame, pts: int) -> av.VideoFrame:
        """`frame` once more, in place of one that is lost."""
        self.damaged.append(pts * self._grid()[0])
        self._lost += 1
        return _repeated(frame, pts)

    def _packets(self, counted: PacketCount, slots: bool = False) -> Iterator[tuple[Any, list[av.VideoFrame] | None]]:
        """Packets with the frames that came out when they went in, None where the decoder gave up.

        `slots`: their time is to be their place in the file: when they are decoded, or one after the other.
        """
        decode = frame_decoder(self.stream, self._files)
        free, step = 0, self._grid()[1]
        for packet in counted_packets(self.container, self.stream, counted, self._files):
            if slots and packet.size:
                packet.pts = free if packet.dts is None else max(free, packet.dts)
                free = packet.pts + (packet.duration or step)
            yield packet, decode(packet)

    def _rest(self, due: list[int]) -> Iterator[tuple[Any, list[av.VideoFrame] | None]]:
        """What came not out at the end of the file, with one thread: of several, one that fails stops the others."""
        if not due:
            return
        wanted = set(due)
        container, stream = open_video(self.path, self._rate)
        with container:
            stream.thread_type, stream.thread_count = "NONE", 1
            with suppress(av.FFmpegError):
                container.seek(min(due), stream=stream)
            decode = frame_decoder(stream, self._files)
            for packet in packets(container, stream, self._files):
                frames = [frame for frame in decode(packet) or () if frame.pts in wanted]
                yield Packet(), frames

    def _is_whole(self, packet: Any) -> bool:
        """Whether a packet's checksums are right, or it has none."""
        if self.stream.codec_context.name != "ffv1":
            return True
        whole = slices_whole(bytes(packet))
        self._has_checksums |= whole
        return whole or not self._has_checksums

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _repeated(frame: av.VideoFrame, pts: int) -> av.VideoFrame:
    """The same picture at another time, without its captions, which are not to be shown twice."""
    twin = bare_copy(frame)
    twin.pts = pts
    return twin

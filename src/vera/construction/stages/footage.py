"""From source files to clips: what may be used, shots, and their frames at the samples' size and rate."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vera.construction.adapters.shots import SIZE, ShotNetwork, load_shots, shots_of, transitions
from vera.construction.engine.stage import Done, Item, Kind, Plain, Rejected
from vera.construction.stages.networked import Networked
from vera.data.released.writer import FRAME_RATE
from vera.errors import VeraError
from vera.optional import need
from vera.video import Clip, FrameReader, LosslessWriter, model_view, open_clip
from vera.video.seeking import key_positions

SHOT_WIDTH = 256  # pixels of the pictures in which cuts are looked for; scenedetect's own choice for HD is about that


@dataclass(frozen=True)
class Ingest(Plain):
    """Look whether a file may be used: its licence, whether it can be read, its size and rate."""

    name: ClassVar[str] = "ingest"
    kind: ClassVar[Kind] = "source"
    size: tuple[int, int] = (832, 480)

    def run(self, item: Item) -> Done | Rejected:
        """Facts: size, frames, seconds."""
        if item.about["licence"] is None:
            return Rejected("no licence", f"{item.about['path']}: write {Path(item.about['path']).name}.licence.yaml")
        try:
            clip = open_clip(item.about["path"])
        except VeraError as error:
            return Rejected("unreadable", str(error))
        width, height = clip.display_size
        facts = {"size": [width, height], "frames": clip.frame_count, "seconds": float(clip.duration)}
        if width < self.size[0] or height < self.size[1]:
            detail = f"{clip.path}: has {width}x{height}, less than {self.size[0]}x{self.size[1]}"
            return Rejected("small", detail, facts)
        if clip.average_rate < FRAME_RATE:
            return Rejected("slow", f"{clip.path}: has {float(clip.average_rate):g} frames a second, not 16", facts)
        return Done(facts)


@dataclass(frozen=True)
class Split(Networked[ShotNetwork]):
    """Cut a source into shots, by scenedetect's AdaptiveDetector or by a network, and those into clips of equal
    length."""

    name: ClassVar[str] = "split"
    version: ClassVar[int] = 2
    kind: ClassVar[Kind] = "source"
    needs: ClassVar[tuple[str, ...]] = ("ingest",)
    frames: int = 81
    network: ShotNetwork | None = None

    def setup(self) -> None:
        """Load the network, if there is one."""
        if self.network is not None:
            load_shots(self.network)

    def run(self, item: Item) -> Done | Rejected:
        """Facts: clips, each with its id, that of its shot, and its first and last frame's times; how many shots were
        too short."""
        clip = _open(item)
        shots = _shots(clip) if self.network is None else _network_shots(clip, load_shots(self.network))
        found = [list(windows(clip, first, last, self.frames)) for first, last in shots]
        clips = [
            {
                "id": clip_id(item.id, first, self.frames),
                "shot": _shot_id(item.id, start),
                "first_pts": first,
                "last_pts": last,
                "frames": self.frames,
            }
            for (start, _), window in zip(shots, found, strict=True)
            for first, last in window
        ]
        facts = {"clips": clips, "shots": len(shots), "short": sum(not window for window in found)}
        if not clips:
            least = f"{self.frames} frames at {FRAME_RATE} a second"
            return Rejected("short", f"{clip.path}: no shot has {least}", facts)
        return Done(facts)


@dataclass(frozen=True)
class Proxy(Plain):
    """Read a clip's frames at the samples' size and rate, scaled to cover it, middle cropped out: `frames.mkv`."""

    name: ClassVar[str] = "proxy"
    version: ClassVar[int] = 2
    kind: ClassVar[Kind] = "clip"
    needs: ClassVar[tuple[str, ...]] = ("split",)
    size: tuple[int, int] = (832, 480)

    def run(self, item: Item) -> Done | Rejected:
        """Facts: none. Rejects what is damaged: to learn from it is another matter than to watch it."""
        clip = _open(item)
        first, last, count = (item.about[name] for name in ("first_pts", "last_pts", "frames"))
        with LosslessWriter(item.out / "frames.mkv", FRAME_RATE) as writer, FrameReader(clip.footage) as reader:
            for frame in shown_frames(read_from(reader, clip, first), first, last, count, clip.time_base):
                writer.write(covered(frame, clip, self.size))
            spoilt = [at for at in reader.damaged if first <= at / clip.time_base <= last]
        if spoilt:
            return Rejected("damaged", f"{clip.path}: is damaged at {float(spoilt[0]):.3f} s")
        return Done()


def _open(item: Item) -> Clip:
    """The source's file. VeraError if it is not the one that was hashed: its clips would have another's name."""
    path = Path(item.source["path"])
    clip = open_clip(path)
    held = path.stat()
    if [held.st_size, held.st_mtime_ns] != item.source["state"]:
        raise VeraError(f"{path}: was changed or replaced during the work; run the command again")
    return clip


def clip_id(source: str, first: int, frames: int) -> str:
    """The name of a clip: of its source's content, the time of its first frame, and its length."""
    return hashlib.sha256(f"{source}:{first}:{frames}:{FRAME_RATE}".encode()).hexdigest()[:16]


def _shot_id(source: str, start: int) -> str:
    return hashlib.sha256(f"{source}:{start}".encode()).hexdigest()[:16]


def _shots(clip: Clip) -> list[tuple[int, int]]:
    """The times at which shots begin, and those before which they end."""
    return list(pairwise([*find_cuts(clip), _end(clip)]))


def _network_shots(clip: Clip, network: Any) -> list[tuple[int, int]]:
    """The same by a network."""
    times: list[int] = []

    def pictures() -> Iterator[NDArray[np.uint8]]:
        with FrameReader(clip.footage) as reader:
            for frame in reader:
                times.append(frame.pts or 0)
                yield model_view(frame, *SIZE, clip.orientation)

    likely = transitions(network, pictures())
    ends = [*times, _end(clip)]
    return [(times[first], ends[after]) for first, after in shots_of(likely)]


def _end(clip: Clip) -> int:
    return clip.pts[0] + round(clip.duration / clip.time_base)


def find_cuts(clip: Clip) -> list[int]:
    """Times of the first frames of all shots. VeraError if scenedetect is missing."""
    scenedetect = need("scenedetect", "scenedetect-headless", "finding cuts", "construct")
    detector: Any = scenedetect.AdaptiveDetector()
    width, height = clip.display_size
    size = SHOT_WIDTH, max(1, round(SHOT_WIDTH * height / width))
    cuts, times = [clip.pts[0]], []
    with FrameReader(clip.footage) as reader:
        for number, frame in enumerate(reader):
            times.append(frame.pts)
            picture = cv2.cvtColor(model_view(frame, *size, clip.orientation), cv2.COLOR_RGB2BGR)
            found = detector.process_frame(scenedetect.FrameTimecode(number, float(clip.average_rate)), picture)
            cuts += [times[cut.frame_num] for cut in found]
    return cuts


def windows(clip: Clip, first: int, end: int, frames: int) -> Iterator[tuple[int, int]]:
    """First and last time of each clip of `frames` frames at 16 a second in a shot from `first` to before `end`."""
    own = np.array([pts for pts in clip.pts if first <= pts < end])
    step, slack = _grid(clip.time_base)
    start = first
    while start + (frames - 1) * step < end:
        last = own[np.searchsorted(own, float(start + (frames - 1) * step + slack), side="right") - 1]
        yield start, int(last)
        after = own[own >= float(start + frames * step - slack)]
        if not len(after):
            return
        start = int(after[0])


def shown_frames(
    frames: Iterator[av.VideoFrame], first: int, last: int, count: int, time_base: Fraction
) -> Iterator[av.VideoFrame]:
    """`count` frames at 16 a second from `first` on: each the one shown at its time, `last` the last."""
    step, slack = _grid(time_base)
    before: av.VideoFrame | None = None
    given = 0
    for frame in frames:
        pts = frame.pts or 0
        while before is not None and given < count and first + given * step + slack < pts:
            yield before
            given += 1
        if pts >= first:
            before = frame
        if pts >= last:
            break
    if before is None:
        raise VeraError(f"no frame has the time {first}; was the footage replaced?")
    for _ in range(given, count):
        yield before


def _grid(time_base: Fraction) -> tuple[Fraction, int]:
    """Ticks from frame to frame at 16 a second, and by how many a time may be late: where ticks are fine, containers
    round, as Matroska does to milliseconds; where a frame has one or two, they count."""
    step = 1 / (FRAME_RATE * time_base)
    return step, int(step >= 8)


def covered(frame: av.VideoFrame, clip: Clip, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A frame as R'G'B' `[H,W,3]`, upright, with square pixels, covering `size` (width, height)."""
    wide = float(clip.display_size[0] * clip.display_aspect), float(clip.display_size[1])
    scale = max(size[0] / wide[0], size[1] / wide[1])
    width, height = (max(round(scale * side), own) for side, own in zip(wide, size, strict=True))
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    view = model_view(frame, width, height, clip.orientation)
    return np.ascontiguousarray(view[top : top + size[1], left : left + size[0]])


def read_from(reader: FrameReader, clip: Clip, first: int) -> Iterator[av.VideoFrame]:
    """The reader's frames from the key frame before the time `first` on; all of them where the file does not tell."""
    keys = [clip.pts[number] for number in key_positions(clip)]
    key = max(pts for pts in keys if pts <= first)
    if key > keys[0]:
        reader.skip_to(key)
    return iter(reader)

"""The released data set, `netflix/Vera-Layered-Video-Dataset`, or one's own in its layout, to train from."""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Annotated

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vera.data.released.files import Files, open_files
from vera.data.released.layout import SPLITS, TRAINING_FOLDERS, Row, held_out_rows, index_path, parse_row, task_of
from vera.data.sample import BadSample, LayeredSample
from vera.data.shuffle import Interleaving, place_in_epoch
from vera.errors import VeraError
from vera.fields import Name, Part, Range, Seed, Share
from vera.files import full_disk
from vera.layers.refine.extend import extend_colors
from vera.video import Clip, FrameReader, model_view, open_clip

STRIDES = (4, 16)  # of Wan's autoencoder in time, and with the patches in space
# Split, row, how far into the clip the frames begin (of the way that there is), and whether they are mirrored.
Key = tuple[str, int, float, bool]
GREY = ("alpha", "mask")


class ReleasedLayers:
    """Layered clips from a local folder or, one file at a time as they are needed, from the hub.

    Args:
        path: the folder, or the name of a data set on the hub (owner/name).
        subsets: names of splits and how often each is drawn; by default all that there are, by their sizes.
        clip_frames: which configuration, of 49 or of 81 frames a clip.
        frames: frames of a sample, 1 + 4k, a crop of the clip.
        size: `WxH` of a sample, multiples of 16: clips are scaled to cover it, and cropped in the middle.
        fill: edit layer where alpha is 0: `edge` extends the colours outward, `as_is` leaves what is in the file.
        flip: mirror every other sample. Instructions may say left and right, so this is for data whose do not.
        seed: of the order, the crops and the mirroring.
        held_out: draw from the held-out part, in a fixed order.
        held_out_share: size of that part (`release_layout.held_out_rows`); at 0 nothing is kept from training, and
            the held-out part is all there is.

    A row or clip that cannot be used is a BadSample when it is loaded. VeraError where there is no such data set or
    split, and for sizes that Wan's strides do not allow.
    """

    def __init__(
        self,
        path: Name,
        subsets: Mapping[str, Part] | None = None,
        clip_frames: Annotated[int, Range(1, 1 << 16)] = 49,
        frames: Annotated[int, Range(1, 1 << 16)] = 49,
        size: str = "832x480",
        fill: str = "edge",
        flip: bool = False,
        seed: Seed = 0,
        held_out: bool = False,
        held_out_share: Share = 0.02,
    ) -> None:
        self.frames, self.size = frames, _parse_size(size)
        _check_shape(frames, self.size, clip_frames)
        if fill not in ("edge", "as_is"):
            raise VeraError(f"data: fill is edge or as_is, not {fill!r}")
        self.path, self.fill, self.flip, self.seed, self.held_out = path, fill, flip, seed, held_out
        self.files = open_files(path)

        folder, there = _find_splits(self.files, path, clip_frames)
        weights = _check_subsets(subsets, there)
        self.tasks = {split: task_of(split) for split in weights}
        read = {split: _read_rows(self.files, index_path(split, clip_frames, folder)) for split in there}
        # Of all splits together, or one would train on footage that another holds out.
        rows = [row for split in there for row in read[split]]
        kept = iter(held_out_rows(rows, held_out_share) if held_out_share > 0 else [held_out] * len(rows))
        parts = {split: [row for row in read[split] if next(kept) == held_out] for split in there}
        self.rows = {split: parts[split] for split in weights}
        for split in weights:
            _check_rows(read[split], f"{index_path(split, clip_frames, folder)} of {path}")
            if not self.rows[split] and not held_out:
                raise VeraError(f"data: {split} of {path} has no samples but held-out ones; lower held_out_share")
        self._keys = [(split, index) for split, rows in self.rows.items() for index in range(len(rows))]
        if not self._keys:
            raise VeraError(f"data: {path} has no held-out samples; raise held_out_share")
        shares = [len(self.rows[split]) if subsets is None else weight for split, weight in weights.items()]
        self._mixture = Interleaving(shares, seed)

    def keys(self) -> list[Key]:
        """Every sample once, from its clip's start, in the fixed order of held-out draws."""
        count = len(self._keys)
        places = (place_in_epoch(number, count, seed=0) for number in range(count))
        return [(*self._keys[place], 0.0, False) for place in places]

    def name_of(self, key: Key) -> str:
        """The key as text and, after two spaces, a hash of its row: another row in its place is another sample."""
        row = self.rows[key[0]][key[1]]
        return repr(key) if isinstance(row, BadSample) else f"{key!r}  {row.fingerprint}"

    @property
    def lengths(self) -> list[int]:
        """How many samples an epoch of each split has."""
        return [len(rows) for rows in self.rows.values()]

    def draw(self, step: int, batch_size: int, attempt: int = 0) -> list[Key]:
        """Keys of a step's samples: split, row, first frame and whether it is mirrored."""
        return [self._draw(number, attempt) for number in range(step * batch_size, (step + 1) * batch_size)]

    def load(self, key: Key) -> LayeredSample:
        """Read a sample's clips; raises BadSample."""
        split, index, start, mirrored = key
        row = self.rows[split][index]
        if isinstance(row, BadSample):
            raise row
        try:
            clips = self._read(row, start)
        except (VeraError, av.FFmpegError) as error:
            if full_disk(error) is not None:  # of the hub's cache
                raise
            raise BadSample(f"{row.where}: {error}") from None
        if mirrored:
            clips = {name: np.ascontiguousarray(pixels[:, :, ::-1]) for name, pixels in clips.items()}
        return LayeredSample(
            source=clips["source"],
            edit=_extended(clips["edit"], clips["alpha"]) if self.fill == "edge" else clips["edit"],
            alpha=clips["alpha"],
            composite=clips["composite"],
            mask=(clips["mask"] > 127) * np.uint8(255) if "mask" in clips else None,
            instruction=row.instruction,
            task=self.tasks[split],
        )

    def _draw(self, number: int, attempt: int) -> Key:
        rng = np.random.default_rng((self.seed, number, attempt))
        start, mirrored = float(rng.random()), bool(rng.random() < 0.5) and self.flip
        if self.held_out:  # without repetition, wherever the numbers begin
            count = len(self._keys)
            return (*self._keys[place_in_epoch(number % count, count, 0, attempt)], start, False)
        stream, own_number = self._mixture.place(number)
        split = list(self.rows)[stream]
        return split, place_in_epoch(own_number, len(self.rows[split]), self.seed, attempt), start, mirrored

    def _read(self, row: Row, start: float) -> dict[str, NDArray[np.uint8]]:
        """The row's clips, cropped in time and space: [T,H,W,3], alpha and mask [T,H,W]."""
        clips = {name: open_clip(self.files.find(path, row.where)) for name, path in row.clips.items()}
        shapes = {name: (clip.frame_count, *clip.display_size) for name, clip in clips.items()}
        if len(set(shapes.values())) > 1:
            told = ", ".join(f"{name} {n} frames of {w}x{h}" for name, (n, w, h) in shapes.items())
            raise VeraError(f"the clips are unlike: {told}")
        spare = shapes["source"][0] - self.frames
        if spare < 0:
            raise VeraError(f"has {shapes['source'][0]} frames, {self.frames} are wanted")
        first = int(start * (spare + 1))
        return {name: self._read_clip(clip, first, name in GREY) for name, clip in clips.items()}

    def _read_clip(self, clip: Clip, first: int, grey: bool) -> NDArray[np.uint8]:
        """Frames `first` on, scaled to cover the size, cropped in the middle."""
        width, height = self.size
        scale = max(width / clip.display_size[0], height / clip.display_size[1])
        scaled = [max(round(side * scale), own) for side, own in zip(clip.display_size, self.size, strict=True)]
        left, top = (scaled[0] - width) // 2, (scaled[1] - height) // 2
        pixels = np.empty((self.frames, height, width) if grey else (self.frames, height, width, 3), np.uint8)
        with FrameReader(clip.path) as reader:
            for index, frame in enumerate(islice(reader, first + self.frames)):
                if first <= index:
                    view = model_view(frame, scaled[0], scaled[1], clip.orientation)
                    view = view[top : top + height, left : left + width]
                    pixels[index - first] = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY) if grey else view
            if reader.damaged:  # which the reader goes on over; to learn from it is another matter
                raise VeraError(f"{clip.path}: is damaged at {float(reader.damaged[0]):.3f} s; fetch it again")
        return pixels


def _find_splits(files: Files, path: str, clip_frames: int) -> tuple[str, list[str]]:
    """The folder of the training set, and the names of its splits."""
    for folder in TRAINING_FOLDERS:
        found = files.indices(f"{folder}/{clip_frames}-frames", SPLITS)
        if found:
            return folder, found
    raise VeraError(f"data: {path} has no {TRAINING_FOLDERS[0]}/{clip_frames}-frames/SPLIT.jsonl")


def _read_rows(files: Files, name: str) -> list[Row | BadSample]:
    rows: list[Row | BadSample] = []
    for number, line in files.lines(name):
        try:
            rows.append(parse_row(line, f"{name}:{number}"))
        except BadSample as error:
            rows.append(error)
    return rows


def _check_rows(rows: Sequence[Row | BadSample], where: str) -> None:
    if not any(isinstance(row, Row) for row in rows):
        raise VeraError(f"data: {where} has no row that can be used" + (f"; {rows[0]}" if rows else ""))


def _check_subsets(subsets: Mapping[str, float] | None, there: list[str]) -> Mapping[str, float]:
    if subsets is None:
        return dict.fromkeys(there, 1.0)
    for name, weight in subsets.items():
        if name not in there:
            raise VeraError(f"data: there is no subset {name}; there are {', '.join(there)}")
        if not isinstance(weight, int | float) or not 0 < weight < math.inf:
            raise VeraError(f"data: the weight of {name} is a number above 0, not {weight!r}")
    if not subsets:
        raise VeraError(f"data: subsets names none; there are {', '.join(there)}")
    return subsets


def _parse_size(size: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size)
    if not found:
        raise VeraError(f"data: size is WxH, such as 832x480, not {size!r:.40}")
    return int(found[1]), int(found[2])


def _check_shape(frames: int, size: tuple[int, int], clip_frames: int) -> None:
    if frames < 1 or (frames - 1) % STRIDES[0]:
        raise VeraError(f"data: frames is 1 + {STRIDES[0]}k, not {frames}")
    if frames > clip_frames:
        raise VeraError(f"data: clips of {clip_frames} frames have no {frames}; take clip_frames: 81 or fewer frames")
    if any(side < 1 or side % STRIDES[1] for side in size):
        raise VeraError(f"data: the sides of size are multiples of {STRIDES[1]}, not {size[0]}x{size[1]}")


def _extended(edit: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    filled = np.empty_like(edit)
    for index, (colours, coverage) in enumerate(zip(edit, alpha, strict=True)):
        weight = coverage.astype(np.float32) / 255
        straight = extend_colors(colours * weight[..., None], weight)  # 0 to 255
        cv2.convertScaleAbs(straight.clip(0, 255), filled[index])
    return filled

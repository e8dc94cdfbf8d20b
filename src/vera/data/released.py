"""The released data set, `netflix/Vera-Layered-Video-Dataset`, or one's own in its layout.

`vera-train-set/49-frames/SPLIT.jsonl` (and `81-frames`) has a row for each sample: the instruction and the paths of
five MP4 files, of which the mask may be missing. Schema: the data set's card.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from numpy.typing import NDArray

from vera.data.sample import BadSample, LayeredSample, Task
from vera.data.shuffle import Interleaving, place_in_epoch
from vera.errors import VeraError
from vera.layers.extend import extend_colors
from vera.video import FrameReader, MediaInfo, model_view, probe

SPLITS: dict[str, Task] = {
    "realistic-set1-bg-change": "background_replace",
    "realistic-set1-obj-add": "obj_add",
    "realistic-set2-obj-add": "obj_add",
    "synthetic-bg-change": "background_replace",
    "synthetic-obj-add": "obj_add",
}
INSTRUCTION = "edit_instruction"
CLIPS = {
    "source": "input_video_path",
    "edit": "edit_rgb_path",
    "alpha": "edit_alpha_path",
    "composite": "composite_path",
    "mask": "mask_path",
}
STRIDES = (4, 16)  # of Wan's autoencoder in time, and with the patches in space
Key = tuple[str, int, float]  # split, row, and how far into the clip the frames begin, of the way that there is


def index_path(split: str, clip_frames: int) -> str:
    """Where the rows of a split are, in the repository."""
    return f"vera-train-set/{clip_frames}-frames/{split}.jsonl"


@dataclass(frozen=True)
class Row:
    """One sample: paths as they are written, and where that was."""

    where: str
    instruction: str
    clips: Mapping[str, str]


class ReleasedLayers:
    """Layered clips from a local folder or, one file at a time as they are needed, from the hub.

    Args:
        path: the folder, or the name of a data set on the hub (owner/name).
        subsets: names of splits and how often each is drawn; all five, by their sizes, if None.
        clip_frames: which configuration, of 49 or of 81 frames a clip.
        frames: frames of a sample, 1 + 4k, a crop of the clip.
        size: `WxH` of a sample, multiples of 16: clips are scaled to cover it, and cropped in the middle.
        fill: edit layer where alpha is 0: `edge` extends the colours outward, `as_is` leaves what is in the file.
        seed: of the order and the crops.
        held_out: draw from the held-out part, a `held_out_share` of the instructions. Rows of one instruction go
            together, since the 49-frame rows are windows of longer clips.

    VeraError where the folder has no such split, a row is no row, or sizes that Wan's strides do not allow.
    """

    def __init__(
        self,
        path: str,
        subsets: Mapping[str, float] | None = None,
        clip_frames: int = 49,
        frames: int = 49,
        size: str = "832x480",
        fill: str = "edge",
        seed: int = 0,
        held_out: bool = False,
        held_out_share: float = 0.02,
    ) -> None:
        self.frames, self.size = frames, _parse_size(size)
        _check_shape(frames, self.size, clip_frames)
        if fill not in ("edge", "as_is"):
            raise VeraError(f"data: fill is edge or as_is, not {fill!r}")
        self.fill = fill
        self.seed = seed
        self.files = _Files(path)
        weights = _check_subsets(subsets)
        self.rows: dict[str, list[Row]] = {}
        for split in weights:
            rows = self._read_rows(split, clip_frames)
            self.rows[split] = [row for row in rows if _is_held_out(row, held_out_share) == held_out]
            if not self.rows[split]:
                part = "held-out" if held_out else "training"
                raise VeraError(f"data: {split} of {path} has no {part} samples; change held_out_share")
        shares = [len(self.rows[split]) if subsets is None else weight for split, weight in weights.items()]
        self._mixture = Interleaving(shares, seed)

    def keys(self) -> list[Key]:
        """Every sample once, from its clip's start."""
        return [(split, index, 0.0) for split, rows in self.rows.items() for index in range(len(rows))]

    def draw(self, step: int, batch_size: int, attempt: int = 0) -> list[Key]:
        keys = []
        for number in range(step * batch_size, (step + 1) * batch_size):
            stream, own_number = self._mixture.place(number)
            split = list(self.rows)[stream]
            start = float(np.random.default_rng((self.seed, number, attempt)).random())
            keys.append((split, place_in_epoch(own_number, len(self.rows[split]), self.seed, attempt), start))
        return keys

    def load(self, key: Key) -> LayeredSample:
        split, index, start = key
        row = self.rows[split][index]
        try:
            clips = {name: self._clip(row, path) for name, path in row.clips.items()}
        except VeraError as error:
            raise BadSample(f"{row.where}: {error}") from None
        infos = [info for _, info in clips.values()]
        shapes = {name: (info.frame_count, *info.display_size) for name, (_, info) in clips.items()}
        if len(set(shapes.values())) > 1:
            told = ", ".join(f"{name} {n} frames of {w}x{h}" for name, (n, w, h) in shapes.items())
            raise BadSample(f"{row.where}: the clips are unlike: {told}")
        spare = infos[0].frame_count - self.frames
        if spare < 0:
            raise BadSample(f"{row.where}: has {infos[0].frame_count} frames, {self.frames} are wanted")
        first = int(start * (spare + 1))
        try:
            videos = {name: self._read(path, info, first) for name, (path, info) in clips.items()}
        except VeraError as error:
            raise BadSample(f"{row.where}: {error}") from None
        alpha, mask = _grey(videos["alpha"]), videos.get("mask")
        edit = videos["edit"]
        return LayeredSample(
            source=videos["source"],
            edit=_extended(edit, alpha) if self.fill == "edge" else edit,
            alpha=alpha,
            composite=videos["composite"],
            mask=None if mask is None else np.where(_grey(mask) > 127, 255, 0).astype(np.uint8),
            instruction=row.instruction,
            task=SPLITS[split],
        )

    def _clip(self, row: Row, path: str) -> tuple[Path, MediaInfo]:
        file = self.files.find(path, row.where.partition(":")[0])
        return file, probe(file)

    def _read(self, path: Path, info: MediaInfo, first: int) -> NDArray[np.uint8]:
        """Frames `first` on, scaled to cover the size, cropped in the middle: [frames,H,W,3]."""
        width, height = self.size
        scale = max(width / info.display_size[0], height / info.display_size[1])
        scaled = [max(round(side * scale), own) for side, own in zip(info.display_size, self.size, strict=True)]
        left, top = (scaled[0] - width) // 2, (scaled[1] - height) // 2
        video = np.empty((self.frames, height, width, 3), np.uint8)
        with FrameReader(path) as reader:
            for index, frame in enumerate(reader):
                if first <= index < first + self.frames:
                    view = model_view(frame, scaled[0], scaled[1], info.rotation)
                    video[index - first] = view[top : top + height, left : left + width]
        return video

    def _read_rows(self, split: str, clip_frames: int) -> list[Row]:
        name = index_path(split, clip_frames)
        lines = self.files.index(name).read_text(encoding="utf-8").splitlines()
        return [_parse_row(line, f"{name}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


class _Files:
    """Files of the repository by the paths in it: of a local copy, or fetched into the hub's cache."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.folder = Path(path) if Path(path).is_dir() else None
        if self.folder is None and path.count("/") != 1:
            raise VeraError(f"data: {path} is neither a folder nor the name of a data set on the hub (owner/name)")

    def index(self, name: str) -> Path:
        try:
            return self.find(name, "")
        except VeraError as error:
            raise VeraError(f"data: {error}") from None

    def find(self, path: str, index: str) -> Path:
        """The file of a path that is relative to the repository or, as some are, to the folder of its `index`."""
        candidates = [path, str(Path(index).parent / path)]
        for candidate in candidates:
            if self.folder is not None:
                if (self.folder / candidate).is_file():
                    return self.folder / candidate
                continue
            try:
                return Path(hf_hub_download(self.path, candidate, repo_type="dataset"))
            except LocalEntryNotFoundError as error:  # an EntryNotFoundError, but of a hub that was not reached
                raise self._unfetched(path, error) from None
            except EntryNotFoundError:
                continue
            except (HfHubHTTPError, HFValidationError, RepositoryNotFoundError, OSError) as error:
                raise self._unfetched(path, error) from None
        raise VeraError(f"{path} is not in {self.path}")

    def _unfetched(self, path: str, error: Exception) -> VeraError:
        return VeraError(f"{path} cannot be fetched from {self.path}: {str(error).splitlines()[0]}")


def _parse_row(line: str, where: str) -> Row:
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise VeraError(f"data: {where}: is no JSON ({error})") from None
    missing = [name for name in (INSTRUCTION, *CLIPS.values()) if name != CLIPS["mask"] and not _text(fields, name)]
    if missing:
        raise VeraError(f"data: {where}: has no {', '.join(missing)}")
    return Row(where, fields[INSTRUCTION], {name: fields[f] for name, f in CLIPS.items() if _text(fields, f)})


def _text(fields: Any, name: str) -> bool:
    return isinstance(fields, dict) and isinstance(fields.get(name), str) and bool(fields[name].strip())


def _is_held_out(row: Row, share: float) -> bool:
    return int.from_bytes(sha256(row.instruction.encode()).digest()[:4], "big") < share * 2**32


def _check_subsets(subsets: Mapping[str, float] | None) -> Mapping[str, float]:
    if subsets is None:
        return dict.fromkeys(SPLITS, 1.0)
    for name, weight in subsets.items():
        if name not in SPLITS:
            raise VeraError(f"data: there is no subset {name}; there are {', '.join(SPLITS)}")
        if not isinstance(weight, int | float) or not weight > 0:
            raise VeraError(f"data: the weight of {name} is a number above 0, not {weight!r}")
    if not subsets:
        raise VeraError(f"data: subsets names none; there are {', '.join(SPLITS)}")
    return subsets


def _parse_size(size: str) -> tuple[int, int]:
    try:
        width, height = (int(side) for side in size.split("x"))
    except ValueError:
        raise VeraError(f"data: size is WxH, such as 832x480, not {size!r}") from None
    return width, height


def _check_shape(frames: int, size: tuple[int, int], clip_frames: int) -> None:
    if frames < 1 or (frames - 1) % STRIDES[0]:
        raise VeraError(f"data: frames is 1 + {STRIDES[0]}k, not {frames}")
    if frames > clip_frames:
        raise VeraError(f"data: clips of {clip_frames} frames have no {frames}; take clip_frames: 81 or fewer frames")
    if any(side < 1 or side % STRIDES[1] for side in size):
        raise VeraError(f"data: the sides of size are multiples of {STRIDES[1]}, not {size[0]}x{size[1]}")


def _grey(video: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey: NDArray[np.uint8] = np.round(video.mean(axis=-1)).astype(np.uint8)
    return grey


def _extended(edit: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    weight = alpha.astype(np.float32) / 255
    colours = edit.astype(np.float32) / 255 * weight[..., None]
    straight = np.stack([extend_colors(c, w) for c, w in zip(colours, weight, strict=True)])
    return np.round(straight.clip(0, 1) * 255).astype(np.uint8)

"""Masks as DAVIS and YouTube-VOS keep them: a palette PNG a frame, whose index is the object's number."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vera.construction.formats.tracks import ClipTracks, Track
from vera.errors import DamageWarning, VeraError
from vera.files import read_json

FOLDER = "Annotations"
MOST = 255  # objects: an index is a byte
MOST_PIXELS = 2**27
META = "meta.json"  # as YouTube-VOS names its objects
UNNAMED = "object"


def write_davis(root: Path, clip: ClipTracks) -> None:
    """Write a clip's masks as `Annotations/NAME/00000.png` and so on, and its nouns into `meta.json`.

    Where objects overlap, which the format cannot hold, the first of them is in front, and a DamageWarning tells.
    """
    folder = root / FOLDER / clip.name
    folder.mkdir(parents=True, exist_ok=True)
    labels = _labels(clip)
    for t, frame in enumerate(labels):
        picture = Image.fromarray(frame, "P")
        picture.putpalette(davis_palette())
        picture.save(folder / f"{t:05}.png")
    meta = root / META
    videos = read_json(meta)["videos"] if meta.is_file() else {}
    videos[clip.name] = {"objects": {str(i): {"category": track.noun} for i, track in enumerate(clip.tracks, 1)}}
    meta.write_text(json.dumps({"videos": videos}, indent=1), encoding="utf-8")


def read_davis(root: Path) -> list[ClipTracks]:
    """Read all clips of such a folder. VeraError for pictures that are none, or of different sizes."""
    folders = sorted(path for path in (root / FOLDER).iterdir() if path.is_dir()) if (root / FOLDER).is_dir() else []
    if not folders:
        raise VeraError(f"{root}: holds no {FOLDER}/NAME/00000.png; name the folder above {FOLDER}")
    nouns = _nouns(root / META)
    return [_clip(folder, nouns.get(folder.name, {})) for folder in folders]


def davis_palette() -> list[int]:
    """The colours of PASCAL VOC, which DAVIS uses: bits of the index, spread over red, green and blue."""
    colors = []
    for index in range(256):
        for channel in range(3):
            colors.append(sum((index >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(3)))
    return colors


def _labels(clip: ClipTracks) -> NDArray[np.uint8]:
    if len(clip.tracks) > MOST:
        raise VeraError(f"{clip.name}: has {len(clip.tracks)} objects, and a palette holds {MOST}")
    labels = np.zeros(clip.shape, np.uint8)
    for number, track in reversed(list(enumerate(clip.tracks, 1))):
        if (labels[track.masks] > 0).any():
            warnings.warn(DamageWarning(f"{clip.name}: objects overlap; the first is in front"), stacklevel=3)
        labels[track.masks] = number
    return labels


def _nouns(meta: Path) -> dict[str, dict[int, str]]:
    """What is said of the objects of each clip, by their numbers; nothing without such a file."""
    try:
        videos = read_json(meta)["videos"] if meta.is_file() else {}
        return {
            name: {int(number): str(one.get("category", UNNAMED)) for number, one in video["objects"].items()}
            for name, video in videos.items()
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, VeraError):
            raise
        raise VeraError(f"{meta}: is no {META} of YouTube-VOS, with the objects of videos ({error})") from None


def _clip(folder: Path, nouns: Mapping[int, str]) -> ClipTracks:
    frames = [_picture(path) for path in sorted(folder.glob("*.png"))]
    if not frames or any(frame.shape != frames[0].shape for frame in frames):
        raise VeraError(f"{folder}: holds pictures of different sizes, or none")
    labels = np.stack(frames)
    # Those that are shown or named: the one object of DAVIS 2016 has the number 255, and none has those below.
    numbers = ({*np.unique(labels).tolist()} | set(nouns)) & set(range(1, MOST + 1))
    tracks = [Track(nouns.get(number, UNNAMED), labels == number) for number in sorted(numbers)]
    return ClipTracks(folder.name, labels.shape, tracks)


def _picture(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as picture:
            if picture.mode not in ("P", "L") or picture.width * picture.height > MOST_PIXELS:
                raise VeraError(f"{path}: is no palette picture; export the masks as DAVIS' palette PNG")
            return np.array(picture)
    except (OSError, SyntaxError, Image.DecompressionBombError):
        raise VeraError(f"{path}: cannot be read as a picture") from None

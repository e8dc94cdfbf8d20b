"""Masks of clips as YouTube-VIS keeps them in COCO's JSON: videos, categories, and run lengths for each frame."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from vera.construction.formats.rle import decode_mask, encode_mask
from vera.construction.formats.tracks import ClipTracks, Track
from vera.errors import VeraError
from vera.fields import Name, Range, check_fields
from vera.files import read_json
from vera.whole import write_text

LIMIT = 1 << 30  # bytes
Side = Annotated[int, Range(1, 1 << 14)]
_VIDEO = {"id": int, "name": Name, "width": Side, "height": Side, "length": Annotated[int, Range(1, 1 << 16)]}


def write_coco(path: Path, clips: Sequence[ClipTracks]) -> None:
    """Write clips and their objects into one file."""
    nouns = sorted({track.noun for clip in clips for track in clip.tracks})
    videos: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for video, clip in enumerate(clips, 1):
        length, height, width = clip.shape
        names = [f"{clip.name}/{t:05}.jpg" for t in range(length)]
        videos.append(
            {"id": video, "name": clip.name, "width": width, "height": height, "length": length, "file_names": names}
        )
        for track in clip.tracks:
            told = {"id": len(annotations) + 1, "video_id": video, "category_id": nouns.index(track.noun) + 1}
            annotations.append(told | _shapes(track))
    categories = [{"id": number, "name": noun} for number, noun in enumerate(nouns, 1)]
    write_text(path, json.dumps({"videos": videos, "categories": categories, "annotations": annotations}))


def read_coco(path: Path) -> list[ClipTracks]:
    """Read the clips of such a file. VeraError, which says where, for what is wrong in it."""
    held = read_json(path, LIMIT)
    try:
        nouns = {category["id"]: str(category["name"]) for category in held["categories"]}
        return [_clip(video, held["annotations"], nouns, str(path)) for video in held["videos"]]
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise VeraError(
            f"{path}: is no JSON of YouTube-VIS with videos, categories and annotations ({error})"
        ) from None


def _shapes(track: Track) -> dict[str, Any]:
    size = list(track.masks.shape[1:])
    shapes = [{"size": size, "counts": encode_mask(mask)} if mask.any() else None for mask in track.masks]
    areas = [int(mask.sum()) or None for mask in track.masks]
    return {"segmentations": shapes, "areas": areas, "bboxes": [_box(mask) for mask in track.masks], "iscrowd": 0}


def _box(mask: Any) -> list[int] | None:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    return [int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1]


def _clip(video: dict[str, Any], annotations: list[dict[str, Any]], nouns: dict[Any, str], where: str) -> ClipTracks:
    told = {name: video[name] for name in _VIDEO}
    check_fields(_VIDEO, list(_VIDEO), told, f"{where}: video")
    length, height, width = video["length"], video["height"], video["width"]
    tracks = []
    for one in annotations:
        if one["video_id"] != video["id"]:
            continue
        if len(one["segmentations"]) != length:
            raise VeraError(f"{where}: annotation {one['id']} has not as many masks as its video has frames, {length}")
        masks = np.zeros((length, height, width), bool)
        for t, shape in enumerate(one["segmentations"]):
            if shape is not None:
                if not isinstance(shape["counts"], str):
                    raise VeraError(f"{where}: annotation {one['id']}: counts are text, COCO's compressed run lengths")
                masks[t] = decode_mask(shape["counts"], (height, width))
        tracks.append(Track(nouns[one["category_id"]], masks))
    return ClipTracks(str(video["name"]), (length, height, width), tracks)

"""Masks of a clip as CVAT's XML for video 1.1 keeps them: tracks of masks, run lengths by rows in a box."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from vera.construction.formats.rle import from_runs, run_lengths
from vera.construction.formats.tracks import ClipTracks, Track
from vera.errors import VeraError
from vera.files import read_text
from vera.whole import write_text

LIMIT = 1 << 28  # bytes
LARGEST, LONGEST = 1 << 14, 1 << 16  # side of a picture, frames


def write_cvat(path: Path, clip: ClipTracks) -> None:
    """Write a clip's objects, whose frames count from 0."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    task = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    length, height, width = clip.shape
    for name, value in (("name", clip.name), ("size", length), ("mode", "interpolation")):
        ElementTree.SubElement(task, name).text = str(value)
    size = ElementTree.SubElement(task, "original_size")
    for name, value in (("width", width), ("height", height)):
        ElementTree.SubElement(size, name).text = str(value)
    for number, track in enumerate(clip.tracks):
        element = ElementTree.SubElement(root, "track", id=str(number), label=track.noun, source="manual")
        for t, mask in enumerate(track.masks):
            if mask.any():
                ElementTree.SubElement(element, "mask", _attributes(t, mask))
    ElementTree.indent(root)
    write_text(path, ElementTree.tostring(root, "unicode", xml_declaration=True) + "\n")


def read_cvat(path: Path) -> ClipTracks:
    """Read a clip's objects. VeraError for what is no such file: tracks of other shapes than masks, for one."""
    text = read_text(path, LIMIT)
    if "<!" in text.replace("<!--", ""):
        raise VeraError(f"{path}: declares entities, as no export of CVAT does")
    try:
        root = ElementTree.fromstring(text)
        shape = _whole(root, "size"), _whole(root, "original_size/height"), _whole(root, "original_size/width")
        if not (0 < shape[0] <= LONGEST and 0 < shape[1] <= LARGEST and 0 < shape[2] <= LARGEST):
            raise ValueError(f"{shape[0]} frames of {shape[2]}x{shape[1]}")
        tracks = [_track(element, shape) for element in root.iter("track")]
    except (ElementTree.ParseError, ValueError, KeyError) as error:
        if isinstance(error, VeraError):
            raise VeraError(f"{path}: {error}") from None
        raise VeraError(f"{path}: is no XML of CVAT for video 1.1 ({error})") from None
    return ClipTracks(root.findtext(".//task/name") or path.stem, shape, tracks)


def _attributes(t: int, mask: NDArray[np.bool_]) -> dict[str, str]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    top, left = int(rows[0]), int(columns[0])
    inside = mask[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    numbers = {"frame": t, "outside": 0, "occluded": 0, "keyframe": 1, "left": left, "top": top}
    box = {"width": inside.shape[1], "height": inside.shape[0], "z_order": 0}
    runs = ", ".join(map(str, run_lengths(inside.ravel())))
    return {name: str(value) for name, value in (numbers | box).items()} | {"rle": runs}


def _track(element: ElementTree.Element, shape: tuple[int, int, int]) -> Track:
    masks = np.zeros(shape, bool)
    for one in element:
        if one.tag != "mask":
            raise VeraError(f"track {element.get('id')} has a {one.tag}; only masks are read")
        t, left, top, width, height = (int(one.attrib[name]) for name in ("frame", "left", "top", "width", "height"))
        if not (0 <= t < shape[0] and 0 <= left <= shape[2] - width and 0 <= top <= shape[1] - height):
            raise VeraError(f"track {element.get('id')}: the mask of frame {t} is beside the clip")
        if one.get("outside") == "1":
            continue
        runs = [int(run) for run in one.attrib["rle"].split(",")]
        if width < 1 or height < 1 or min(runs) < 0 or sum(runs) != width * height:
            raise VeraError(f"track {element.get('id')}: the mask of frame {t} has not as many pixels as its box")
        masks[t, top : top + height, left : left + width] = from_runs(runs).reshape(height, width)
    return Track(element.get("label") or "object", masks)


def _whole(root: ElementTree.Element, name: str) -> int:
    return int(root.findtext(f".//task/{name}") or root.findtext(f".//{name}") or "")

"""Final Cut Pro 7 XML (xmeml 4): the timeline that Premiere Pro, Resolve and older programs read, with ProRes media."""

from fractions import Fraction
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from vera.errors import printable
from vera.layers.export import prores
from vera.layers.export.plate import find_plate
from vera.layers.export.shot import LayerFrames, Shot

STEPS = """\
Premiere Pro: File > Import, choose {project}; open the sequence. If media is offline, Link Media and choose the plate
  once; the layer and the matte are in this folder.
DaVinci Resolve: File > Import > Timeline, choose {project}; when it asks where the media is, choose the folder of the
  plate, then this one. On the layer: Clip Attributes > Video: Alpha mode "Straight".
Tracks, from below: plate, layer, matte (switched off); the plate's sound."""

_DOCTYPE = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE xmeml>\n'

# The pixels that the format has names for, by the picture's size.
_PIXELS = {(720, 576): "PAL-601", (720, 480): "NTSC-601", (720, 486): "NTSC-601"}
_PIXELS |= {size: "HD-({}x{})".format(*size) for size in ((960, 720), (1280, 1080), (1440, 1080))}


def write(shot: Shot, frames: LayerFrames, folder: Path) -> dict[str, str]:
    """Write the movies and NAME.xml; returns their names."""
    names = prores.write(shot, frames, folder)
    names["project"] = f"{shot.name}.xml"
    root = ElementTree.Element("xmeml", version="4")
    _sequence(root, shot, names, find_plate(shot, folder).path)
    ElementTree.indent(root, "\t")
    text = _DOCTYPE + ElementTree.tostring(root, encoding="unicode") + "\n"
    (folder / names["project"]).write_text(text, encoding="utf-8")
    return names


def _sequence(root: ElementTree.Element, shot: Shot, names: dict[str, str], plate: str) -> None:
    total = shot.clip.frame_count
    sequence = _add(root, "sequence", id="sequence-1")
    _add(sequence, "name", shot.name)
    _add(sequence, "duration", total)
    _rate(sequence, shot.rate)
    _timecode(sequence, shot, 0)
    media = _add(sequence, "media")
    video = _add(media, "video")
    _picture(_add(video, "format"), shot)
    _clip(_add(video, "track"), shot, "plate", plate, (0, total), enabled=True)
    for role in ("layer", "matte"):
        span = (shot.first, shot.first + shot.count)
        _clip(_add(video, "track"), shot, role, names[role], span, enabled=role == "layer")
    if shot.clip.audio:
        audio = _add(media, "audio")
        for number, _ in enumerate(shot.clip.audio, 1):
            track = _add(audio, "track")
            item = _item(track, shot, f"sound-{number}", plate, (0, total), enabled=True)
            _add(item, "file", id="file-plate")
            source = _add(item, "sourcetrack")
            _add(source, "mediatype", "audio")
            _add(source, "trackindex", number)


def _clip(track: ElementTree.Element, shot: Shot, role: str, path: str, span: tuple[int, int], enabled: bool) -> None:
    item = _item(track, shot, role, path, span, enabled)
    _add(item, "alphatype", "straight" if role == "layer" else "none")
    file = _add(item, "file", id=f"file-{role}")
    _add(file, "name", Path(path).name)
    _add(file, "pathurl", quote(path, errors="surrogateescape"))  # the very bytes
    _rate(file, shot.rate)
    _add(file, "duration", span[1] - span[0])
    _timecode(file, shot, span[0])
    media = _add(file, "media")
    _picture(_add(media, "video"), shot)
    if role == "plate":
        for sound in shot.clip.audio:
            _add(_add(_add(media, "audio"), "samplecharacteristics"), "samplerate", sound.sample_rate)


def _item(
    track: ElementTree.Element, shot: Shot, name: str, path: str, span: tuple[int, int], enabled: bool
) -> ElementTree.Element:
    item = _add(track, "clipitem", id=f"clip-{name}")
    _add(item, "name", Path(path).name)
    _add(item, "enabled", "TRUE" if enabled else "FALSE")
    _add(item, "duration", span[1] - span[0])
    _rate(item, shot.rate)
    for tag, frame in zip(("start", "end", "in", "out"), (*span, 0, span[1] - span[0]), strict=True):
        _add(item, tag, frame)
    return item


def _rate(parent: ElementTree.Element, rate: Fraction) -> None:
    nominal = max(1, round(rate))
    element = _add(parent, "rate")
    _add(element, "timebase", nominal)
    _add(element, "ntsc", "TRUE" if abs(rate - Fraction(nominal * 1000, 1001)) < abs(rate - nominal) else "FALSE")


def _timecode(parent: ElementTree.Element, shot: Shot, position: int) -> None:
    start, drop = shot.source_start
    element = _add(parent, "timecode")
    _rate(element, shot.rate)
    _add(element, "string", shot.timecode(position))
    _add(element, "frame", start + position)
    _add(element, "displayformat", "DF" if drop else "NDF")


def _picture(parent: ElementTree.Element, shot: Shot) -> None:
    element = _add(parent, "samplecharacteristics")
    _rate(element, shot.rate)
    for tag, side in zip(("width", "height"), shot.size, strict=True):
        _add(element, tag, side)
    name = "square" if shot.clip.display_aspect == 1 else _PIXELS.get(shot.size, "square")
    wide = name.endswith("601") and shot.clip.display_aspect * shot.size[0] / shot.size[1] > Fraction(3, 2)
    _add(element, "anamorphic", "TRUE" if wide else "FALSE")
    _add(element, "pixelaspectratio", name)
    _add(element, "fielddominance", "none")


def _add(parent: ElementTree.Element, tag: str, text: object = None, **attributes: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, tag, attributes)
    if text is not None:
        element.text = printable(str(text))  # XML has no way to write control characters
    return element

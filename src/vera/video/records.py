"""Records that a file keeps of its pictures, beside them: cropping, Dolby Vision, stereoscopy, projection."""

import re

import av.logging
from av.container import Container

# What FFmpeg calls them, and people.
_NAMES = {
    "dovi configuration record": "Dolby Vision configuration",
    "frame cropping": "cropping",
    "stereo 3d": "stereoscopic arrangement",
    "spherical mapping": "spherical projection",
    "icc profile": "ICC profile",
    "ambient viewing environment": "viewing environment",
}
# What has ways of its own, or is an encoder's note.
_NOT_OURS = {"display matrix", "mastering display metadata", "content light level metadata", "cpb properties"}
_STREAM = re.compile(r"  Stream #\d+:(\d+)")
_RECORD = re.compile(r"      (\S[^:]*?)\s*(?::\s*(.*))?")


def track_records(container: Container, index: int) -> dict[str, str]:
    """Read the records of track `index`, by name, as FFmpeg describes them: PyAV gives no other access to them."""
    found: dict[str, str] = {}
    track, listing = -1, False
    for line in _description(container).splitlines():
        if stream := _STREAM.match(line):
            track, listing = int(stream[1]), False
        elif line.startswith("    Side data:"):
            listing = True
        elif not line.startswith("      "):
            listing = False
        elif listing and track == index and (record := _RECORD.fullmatch(line)):
            name = record[1].lower()
            if name not in _NOT_OURS:
                found[_NAMES.get(name, record[1])] = record[2] or ""
    return found


def _description(container: Container) -> str:
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)  # it is given as messages
    try:
        return container.dumps_format()
    finally:
        av.logging.set_level(level)

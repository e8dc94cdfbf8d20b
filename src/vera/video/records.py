"""Records that a file keeps of its pictures, beside them: cropping, Dolby Vision, stereoscopy, projection."""

from typing import Any

from vera.video.matroska import track_elements

DOLBY_VISION = "Dolby Vision configuration"
_NAMES = {
    "54AA": "cropping",
    "54BB": "cropping",
    "54CC": "cropping",
    "54DD": "cropping",
    "53B8": "stereoscopic arrangement",
    "7670": "spherical projection",
    "41E4": DOLBY_VISION,
}
_FLAT = bytes.fromhex("7671 81 00")  # a projection that is none: it holds the angle of display, which has its own way


def track_records(stream: Any) -> dict[str, bytes]:
    """Read the records of a track of pictures, by name, each as Matroska writes it.

    PyAV gives no other access to them but messages, for which threads that decode would wait for ever.
    """
    found: dict[str, bytes] = {}
    for name, element in track_elements(stream):
        known = _NAMES.get(name.hex().upper())
        if known is None or _FLAT in element or (known == DOLBY_VISION and b"dv" not in element):
            continue
        found[known] = found.get(known, b"") + element
    return found

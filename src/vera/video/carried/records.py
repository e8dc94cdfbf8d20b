"""Records that a file keeps of its pictures, beside them: cropping, Dolby Vision, stereoscopy, projection."""

from typing import Any

from vera.video.carried.matroska import track_elements

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
_PROJECTION_TYPE = bytes.fromhex("7671 81")  # without it, or 0, the element tells the angle of display alone


def track_records(stream: Any) -> dict[str, bytes]:
    """Read the records of a track of pictures, by name, each as Matroska writes it.

    PyAV gives no other access to them but messages, for which threads that decode would wait for ever.
    """
    found: dict[str, bytes] = {}
    for name, element in track_elements(stream):
        known = _NAMES.get(name.hex().upper())
        if known is None or (known == DOLBY_VISION and b"dv" not in element):
            continue
        if known == "spherical projection" and not any(element.partition(_PROJECTION_TYPE)[2][:1]):
            continue
        found[known] = found.get(known, b"") + element
    return found

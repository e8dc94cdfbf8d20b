"""The folder of a study: what lies where, and whether it is still what was registered."""

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from vera.errors import VeraError
from vera.files import file_hash, json_text, parse_json, read_text
from vera.study.study import Key, Study

STUDY, KEY, LINKS, MEDIA, DATABASE = "study.json", "unblinding.json", "links.json", "media", "answers.sqlite"
REGISTRATION, REGISTRATION_TEXT = "preregistration.json", "preregistration.md"
HASH = "sha256"

Form = TypeVar("Form")


def struct_text(value: msgspec.Struct) -> str:
    """Return a struct as JSON text."""
    return json_text(msgspec.to_builtins(value)) + "\n"


def read_struct(path: Path, form: type[Form]) -> Form:
    """Read a struct from JSON. VeraError, with the field, for anything else."""
    try:
        return msgspec.convert(parse_json(read_text(path), path), form)
    except msgspec.ValidationError as error:
        raise VeraError(
            f"{path}: is no file of a study ({error}); make the study again with `vera study create`"
        ) from None


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def registration_hash(registration: dict[str, Any]) -> str:
    """Return the SHA-256 of a registration without its own hash, whatever the order of its fields."""
    rest = {name: value for name, value in registration.items() if name != HASH}
    return sha256(json.dumps(rest, sort_keys=True, ensure_ascii=True).encode())


def media_path(folder: Path, item: str) -> Path:
    """Return where an item's video is."""
    return folder / MEDIA / f"{item}.mp4"


def open_study(folder: Path, media: bool = True) -> tuple[Study, str]:
    """Read a study and the hash of its registration, and compare it with that.

    VeraError, which names the file, if anything was changed or is missing; `media`: also in the videos.
    """
    registered = read_registration(folder)
    _check(folder / STUDY, registered["study_sha256"])
    study = read_struct(folder / STUDY, Study)
    if media:
        for item in study.items:
            _check(media_path(folder, item.id), item.sha256)
    return study, registered[HASH]


def open_key(folder: Path) -> Key:
    """Read the unblinding key. VeraError if it is not the one that was registered."""
    _check(folder / KEY, read_registration(folder)["key_sha256"])
    return read_struct(folder / KEY, Key)


def read_registration(folder: Path) -> dict[str, Any]:
    """Read the registration. VeraError if there is none, or it was changed."""
    path = folder / REGISTRATION
    if not path.is_file():
        raise VeraError(f"{folder}: holds no study; make one with `vera study create`")
    found = parse_json(read_text(path), path)
    if not isinstance(found, dict) or found.get(HASH) != registration_hash(found):
        raise VeraError(f"{path}: was changed after the study was made; restore it")
    return found


def _check(path: Path, wanted: str) -> None:
    if file_hash(path) != wanted:
        raise VeraError(f"{path}: was changed after the study was registered; restore it, or make another study")

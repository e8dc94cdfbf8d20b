"""The pictures of a recipe that may stand behind a subject: photographs and panoramas, and their licences."""

from collections.abc import Sequence
from pathlib import Path

from vera.construction.sources import match_files, read_licence
from vera.construction.stages.background import Picture
from vera.errors import VeraError
from vera.files import file_hash


def find_pictures(photos: Sequence[str], panoramas: Sequence[str], root: Path = Path()) -> tuple[Picture, ...]:
    """The pictures that patterns name, each once; patterns and paths are from `root`. VeraError where one has no
    licence, or a pattern finds none."""
    found: dict[str, Picture] = {}
    for patterns, panorama in ((photos, False), (panoramas, True)):
        for path in match_files(patterns, "background", root):
            licence = read_licence(root / path)
            if licence is None:
                raise VeraError(f"{root / path}: has no licence beside it; write {path.name}.licence.yaml")
            digest = file_hash(root / path)
            found.setdefault(digest, Picture(str(path), digest, panorama, licence))
    return tuple(found[digest] for digest in sorted(found))

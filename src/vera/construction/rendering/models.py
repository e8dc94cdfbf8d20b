"""The public-domain 3D models of the Debian package `sweethome3d-furniture`, by the words for them."""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from vera.construction.rendering.wavefront import Part, read_parts
from vera.data.synthesis.vocabulary import MODELS
from vera.errors import VeraError

ARCHIVE = "BlendSwap-CC-0.sh3f"
LICENCE = "CC0-1.0"


@dataclass(frozen=True)
class Model:
    """A named model that stands on y = 0 about the vertical axis, its longest side 1."""

    name: str
    noun: str
    creator: str
    parts: tuple[Part, ...]


def load_model(folder: Path, name: str) -> Model:
    """Model `name` (a key of `MODELS`) from the archive in `folder`; VeraError where it is not there."""
    with _open(folder) as archive:
        entry = _entry(archive, name)
        path = PurePosixPath(entry["model"].lstrip("/"))
        parts = read_parts(path.name, lambda file: archive.read(str(path.parent / file)))
    rotation = np.array(entry.get("modelRotation", "1 0 0 0 1 0 0 0 1").split(), np.float32).reshape(3, 3)
    turned = [part.moved(rotation, np.zeros(3, np.float32), 1.0) for part in parts]
    low = np.min([part.vertices.min(0) for part in turned], axis=0)
    high = np.max([part.vertices.max(0) for part in turned], axis=0)
    foot = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2], np.float32)
    scale = 1 / float((high - low).max())
    upright = tuple(part.moved(np.eye(3, dtype=np.float32), -foot, scale) for part in turned)
    return Model(name, MODELS[name][0], entry.get("creator", "unknown"), upright)


def creators(folder: Path) -> dict[str, str]:
    """Who made each model in `MODELS`, for a model card; CC0 does not ask for it."""
    with _open(folder) as archive:
        return {name: _entry(archive, name).get("creator", "unknown") for name in MODELS}


def _open(folder: Path) -> zipfile.ZipFile:
    path = folder / ARCHIVE
    if not path.is_file():
        raise VeraError(f"no 3D models in {folder}: run `make assets` first")
    return zipfile.ZipFile(path)


def _entry(archive: zipfile.ZipFile, name: str) -> dict[str, str]:
    text = archive.read("PluginFurnitureCatalog.properties").decode("latin-1")
    number = re.search(rf"^id#(\d+)=.*#{re.escape(name)}\s*$", text, re.MULTILINE)
    if number is None:
        raise VeraError(f"{archive.filename} has no model {name!r}")
    return dict(re.findall(rf"^(\w+)#{number[1]}=(.*?)\s*$", text, re.MULTILINE))

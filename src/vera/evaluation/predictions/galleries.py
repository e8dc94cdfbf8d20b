"""The prototypes that things and places are recognised by, made once for a run's folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vera.arrays import read_arrays
from vera.data.synthesis import SyntheticLayers
from vera.evaluation.cases.references import object_cutouts, scene_panoramas
from vera.evaluation.predictions.hits import Galleries
from vera.metrics.objects import SOLID, to_alpha
from vera.metrics.outline import Mask
from vera.metrics.recognition.features import load_embedding
from vera.metrics.recognition.gallery import read_gallery, save_gallery
from vera.metrics.recognition.object_hit import object_gallery
from vera.metrics.recognition.scene_hit import scene_gallery
from vera.whole import whole_file


def make_galleries(out: Path, layers: SyntheticLayers, renders: str | None) -> None:
    """Write prototypes and silhouettes of all classes of `layers` and, where there is such a folder, of `renders`.

    VeraError if the measuring network is missing.
    """
    if (out / "scenes.npz").is_file():
        return
    embed, cutouts = load_embedding(), object_cutouts(layers, renders)
    _save_silhouettes(
        {name: [to_alpha(rgba[..., 3]) > SOLID for rgba in pictures] for name, pictures in cutouts.items()},
        out / "silhouettes.npz",
    )
    save_gallery(object_gallery(cutouts, embed), out / "objects.npz")
    save_gallery(scene_gallery(scene_panoramas(layers), embed), out / "scenes.npz")


def open_galleries(out: Path) -> Galleries:
    """Read what `make_galleries` left, and load the network that made them."""
    objects, scenes = (read_gallery(out / f"{name}.npz") for name in ("objects", "scenes"))
    return Galleries(objects, scenes, load_embedding(), _read_silhouettes(out / "silhouettes.npz"))


def _save_silhouettes(silhouettes: Mapping[str, Sequence[Mask]], path: Path) -> None:
    """Write masks of any sizes, each in the corner of a square that holds the largest."""
    owned = [(name, mask) for name, masks in silhouettes.items() for mask in masks]
    side = max(max(mask.shape) for _, mask in owned)
    squares = np.zeros((len(owned), side, side), bool)
    for square, (_, mask) in zip(squares, owned, strict=True):
        square[: mask.shape[0], : mask.shape[1]] = mask
    with whole_file(path) as partial:
        np.savez_compressed(partial, names=np.array([name for name, _ in owned]), masks=squares)


def _read_silhouettes(path: Path) -> dict[str, list[Mask]]:
    names, masks = read_arrays(path, ("names", "masks")).values()
    found: dict[str, list[Mask]] = {}
    for name, mask in zip(names.tolist(), masks, strict=True):
        found.setdefault(name, []).append(mask)
    return found

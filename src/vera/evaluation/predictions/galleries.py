"""The prototypes that things and places are recognised by, made once for a run's folder."""

from pathlib import Path

from vera.data.synthesis import SyntheticLayers
from vera.evaluation.cases.references import object_cutouts, scene_panoramas
from vera.evaluation.predictions.hits import Galleries
from vera.metrics.recognition.features import load_embedding
from vera.metrics.recognition.gallery import read_gallery, save_gallery
from vera.metrics.recognition.object_hit import object_gallery
from vera.metrics.recognition.scene_hit import scene_gallery


def make_galleries(out: Path, layers: SyntheticLayers, renders: str | None) -> None:
    """Write prototypes of all classes of `layers` and, where there is such a folder, of the things in `renders`.

    VeraError if the measuring network is missing.
    """
    if (out / "scenes.npz").is_file():
        return
    embed = load_embedding()
    save_gallery(object_gallery(object_cutouts(layers, renders), embed), out / "objects.npz")
    save_gallery(scene_gallery(scene_panoramas(layers), embed), out / "scenes.npz")


def open_galleries(out: Path) -> Galleries:
    """Read the prototypes that `make_galleries` left, and load the network that made them."""
    objects, scenes = (read_gallery(out / f"{name}.npz") for name in ("objects", "scenes"))
    return Galleries(objects, scenes, load_embedding())

"""Reference pictures of every class that a model was trained on."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vera.data.synthesis import SyntheticLayers
from vera.data.synthesis.rendered import Renders, cut_out
from vera.data.synthesis.vocabulary import nouns

VIEWS = 3  # of each rendered thing

Picture = NDArray[np.uint8]


def object_cutouts(layers: SyntheticLayers, renders: str | None = None) -> dict[str, list[Picture]]:
    """Straight RGBA cut-outs of every class: its sprites and, of the folder `renders`, views that training may see.

    VeraError for a folder without renders.
    """
    objects: dict[str, list[Picture]] = {}
    for name, rgba in layers.sprites.items():
        objects.setdefault(nouns(name)[0], []).append(rgba)
    if renders is not None:
        trained = Renders(Path(renders), held_out=False)
        for model, records in trained.by_model.items():
            views = (trained.views(record.spec.index) for record in records[:VIEWS])
            objects.setdefault(nouns(model)[0], []).extend(cut_out(view, [0]).pictures[0] for view in views)
    return objects


def scene_panoramas(layers: SyntheticLayers) -> dict[str, Picture]:
    """The panorama of every scene, RGB."""
    return {name: panorama.rgb for name, panorama in layers.panoramas.items()}

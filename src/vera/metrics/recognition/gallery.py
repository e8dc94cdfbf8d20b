"""Classes by their prototypes in a feature space, and the rank of one among them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vera.arrays import read_arrays
from vera.errors import VeraError
from vera.metrics.recognition.features import Vectors
from vera.whole import whole_file


@dataclass(frozen=True)
class Gallery:
    """`names` of the classes; `vectors` `[N,D]` of length 1 are their prototypes, each of class `owners[n]`."""

    names: tuple[str, ...]
    vectors: Vectors
    owners: NDArray[np.int64]

    def rank(self, vector: Vectors, name: str) -> int | None:
        """Place, from 1, of class `name` when classes are ordered by their nearest prototype to `vector` `[D]`.

        A class as near as another comes after it. None if there is no such class.
        """
        if name not in self.names:
            return None
        scores = np.full(len(self.names), -np.inf)
        np.maximum.at(scores, self.owners, self.vectors @ vector)
        return int(np.count_nonzero(scores >= scores[self.names.index(name)]))


def make_gallery(classes: Mapping[str, Vectors]) -> Gallery:
    """A gallery of classes and their prototypes `[N,D]`."""
    owners = np.repeat(np.arange(len(classes)), [len(vectors) for vectors in classes.values()])
    return Gallery(tuple(classes), np.concatenate(list(classes.values())), owners)


def save_gallery(gallery: Gallery, path: Path) -> None:
    """Write `path` (.npz), whole or not at all."""
    with whole_file(path) as partial:
        np.savez(partial, names=np.array(gallery.names), vectors=gallery.vectors, owners=gallery.owners)


def read_gallery(path: Path) -> Gallery:
    """Read what `save_gallery` wrote. Raises VeraError for anything else."""
    try:
        names, vectors, owners = read_arrays(path, ("names", "vectors", "owners")).values()
        if (
            vectors.ndim != 2
            or owners.shape != vectors.shape[:1]
            or not (owners >= 0).all() & (owners < len(names)).all()
        ):
            raise ValueError
        return Gallery(tuple(names.tolist()), vectors.astype(np.float32), owners.astype(np.int64))
    except (ValueError, TypeError):  # VeraError is a ValueError
        raise VeraError(
            f"{path}: holds no prototypes of classes; remove it, and the same command makes it again"
        ) from None

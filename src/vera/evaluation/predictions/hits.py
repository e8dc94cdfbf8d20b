"""Whether a prediction shows the thing or the place that was asked for, among all classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vera.arrays import Frames
from vera.metrics.objects import Alpha
from vera.metrics.outline import Mask, outline_iou
from vera.metrics.recognition.features import Embed
from vera.metrics.recognition.gallery import Gallery
from vera.metrics.recognition.object_hit import object_vector
from vera.metrics.recognition.scene_hit import scene_vector

TOP = 5


@dataclass(frozen=True)
class Galleries:
    """Prototypes of objects and of places, the network that compares pictures, and the silhouettes of objects."""

    objects: Gallery
    scenes: Gallery
    embed: Embed
    silhouettes: Mapping[str, Sequence[Mask]] = field(default_factory=dict)


def object_hits(noun: str, edit: Frames, alpha: Alpha, galleries: Galleries) -> dict[str, float | None]:
    """Whether the edit shows the class `noun`, and how its outline fits; nothing if it is not among the classes."""
    vector = object_vector(edit, alpha, galleries.embed)
    if noun not in galleries.objects.names:
        return {}
    rank = None if vector is None else galleries.objects.rank(vector, noun)
    hits: dict[str, float | None] = {"object_top1": rank == 1, "object_top5": rank is not None and rank <= TOP}
    if (silhouettes := galleries.silhouettes.get(noun)) is not None:
        hits["outline"] = outline_iou(alpha, silhouettes)
    return hits


def scene_hits(scene: str, edit: Frames, alpha: Alpha, galleries: Galleries) -> dict[str, float | None]:
    """Whether the edit shows the panorama `scene`; nothing if it is not among them. An empty matte shows nothing."""
    if scene not in galleries.scenes.names:
        return {}
    rank = galleries.scenes.rank(scene_vector(edit, galleries.embed), scene) if alpha.any() else None
    return {"scene_top1": rank == 1, "scene_top5": rank is not None and rank <= TOP}

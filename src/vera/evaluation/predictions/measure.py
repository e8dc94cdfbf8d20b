"""Measure one prediction for one case."""

from dataclasses import dataclass

from vera.data.sample import LayeredSample
from vera.data.synthesis.cases import EvaluationCase
from vera.evaluation.predictions.predict import Frames, Prediction
from vera.evaluation.predictions.record import Measures
from vera.metrics.consistency import layer_disagreement
from vera.metrics.coverage import leakage, sane_share
from vera.metrics.matting import gradient_error, intersection_over_union, mean_absolute_error
from vera.metrics.objects import Alpha, to_alpha
from vera.metrics.placement import place_hit
from vera.metrics.preservation import changed_samples, psnr, ssim
from vera.metrics.recognition.features import Embed
from vera.metrics.recognition.gallery import Gallery
from vera.metrics.recognition.object_hit import object_vector
from vera.metrics.recognition.scene_hit import scene_vector
from vera.metrics.shadow import darkening
from vera.metrics.temporal import dtssd, warp_error

CASTS = 0.02  # of its light: what the ground loses where the truth has a shadow worth asking for
TOP = 5


@dataclass(frozen=True)
class Galleries:
    """Prototypes of objects and of places, and the network that pictures are compared by."""

    objects: Gallery
    scenes: Gallery
    embed: Embed


def measure(case: EvaluationCase, truth: LayeredSample, found: Prediction, galleries: Galleries) -> Measures:
    """The measures by the names of `vera.evaluation.reports.table`. A hit is 1, a miss 0."""
    alpha = to_alpha(truth.alpha)
    measures = {
        "dtssd": dtssd(found.alpha, alpha),
        "disagreement": None if found.composite is None else layer_disagreement(found.composite, found.result),
        "warp_excess": warp_excess(found.result, truth.source),
        "psnr": psnr(found.result, truth.source, truth.alpha == 0),
        "ssim": ssim(found.result, truth.source, truth.alpha == 0),
    }
    measures["preserved"], measures["changed"] = changed_samples(found.result, truth.source, found.alpha == 0)
    if case.task == "obj_add":
        measures |= _of_object(case, truth, found, galleries)
    else:
        measures |= _of_background(case, alpha, found, galleries)
    return {name: float(value) for name, value in measures.items() if value is not None}


def object_hits(noun: str, found: Prediction, galleries: Galleries) -> dict[str, float | None]:
    """Whether the edit shows the class `noun`; nothing if it is not among the classes."""
    vector = object_vector(found.edit, found.alpha, galleries.embed)
    if noun not in galleries.objects.names:
        return {}
    rank = None if vector is None else galleries.objects.rank(vector, noun)
    return {"object_top1": rank == 1, "object_top5": rank is not None and rank <= TOP}


def scene_hits(scene: str, found: Prediction, galleries: Galleries) -> dict[str, float | None]:
    """Whether the edit shows the panorama `scene`; nothing if it is not among them. An empty matte shows nothing."""
    if scene not in galleries.scenes.names:
        return {}
    rank = galleries.scenes.rank(scene_vector(found.edit, galleries.embed), scene) if found.alpha.any() else None
    return {"scene_top1": rank == 1, "scene_top5": rank is not None and rank <= TOP}


def _of_object(
    case: EvaluationCase, truth: LayeredSample, found: Prediction, galleries: Galleries
) -> dict[str, float | None]:
    measures = object_hits(case.noun, found, galleries)
    measures["place_hit"] = place_hit(found.alpha, case.place)
    measures["sane_frames"] = sane_share(found.alpha)
    measures["leakage"] = leakage(found.alpha)
    wanted = darkening(truth.source, truth.composite, to_alpha(truth.alpha))
    if wanted is not None and wanted >= CASTS:
        drop = darkening(truth.source, found.result, found.alpha) or 0.0
        measures["darkening"] = drop
        measures["shadow_hit"] = drop >= wanted / 2
    return measures


def _of_background(
    case: EvaluationCase, alpha: Alpha, found: Prediction, galleries: Galleries
) -> dict[str, float | None]:
    matting: dict[str, float | None] = {
        "mae": mean_absolute_error(found.alpha, alpha),
        "iou": intersection_over_union(found.alpha, alpha),
        "subject_iou": intersection_over_union(1 - found.alpha, 1 - alpha),
        "gradient": gradient_error(found.alpha, alpha),
    }
    return matting | ({} if case.scene is None else scene_hits(case.scene, found, galleries))


def warp_excess(result: Frames, source: Frames) -> float | None:
    """By how many 8-bit levels `result` follows its flow worse than `source` does its own; both `[T,H,W,3]`."""
    after, before = warp_error(result), warp_error(source)
    return None if after is None or before is None else (after - before) * 255

"""The metrics of an evaluation: what each is of a prediction, its unit, its good direction and its target value."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

from vera.data.sample import LayeredSample, Task
from vera.data.synthesis.cases import EvaluationCase
from vera.evaluation.predictions.hits import Galleries, object_hits, scene_hits
from vera.evaluation.predictions.predict import Prediction
from vera.metrics.consistency import layer_disagreement
from vera.metrics.coverage import leakage, sane_share
from vera.metrics.matting import gradient_error, intersection_over_union, mean_absolute_error
from vera.metrics.objects import Alpha, to_alpha
from vera.metrics.placement import place_hit
from vera.metrics.preservation import psnr, ssim
from vera.metrics.shadow import darkening
from vera.metrics.temporal import dtssd, warp_excess

CASTS = 0.02  # of its light: what the ground loses where the truth has a shadow worth asking for
TASKS: tuple[Task, ...] = get_args(Task)


@dataclass(frozen=True)
class Measured:
    """A prediction beside its case and the ground truth; what several metrics need is worked out once."""

    case: EvaluationCase
    truth: LayeredSample
    found: Prediction
    galleries: Galleries

    @cached_property
    def alpha(self) -> Alpha:
        """The true alpha, float32 `[T,H,W]`."""
        return to_alpha(self.truth.alpha)

    @cached_property
    def hits(self) -> dict[str, float | None]:
        """Whether the thing or the place that was asked for is recognised."""
        if self.case.task == "obj_add":
            return object_hits(self.case.noun, self.found, self.galleries)
        return {} if self.case.scene is None else scene_hits(self.case.scene, self.found, self.galleries)

    @cached_property
    def darkened(self) -> tuple[float, float] | None:
        """How much the ground loses in the truth and in the prediction; None where the truth casts no shadow."""
        wanted = darkening(self.truth.source, self.truth.composite, self.alpha)
        if wanted is None or wanted < CASTS:
            return None
        return wanted, darkening(self.truth.source, self.found.result, self.found.alpha) or 0.0


@dataclass(frozen=True)
class Metric:
    """A row of the tables.

    Args:
        name: in records; title: in tables.
        better: the good direction.
        of: its value, None where it says nothing of a case; None for one that only real clips have.
        scale, digits: of the number that is printed; target: what the project wants, in that unit.
        tasks: of which it is measured.
    """

    name: str
    title: str
    better: Literal["up", "down"] | None
    of: Callable[[Measured], float | None] | None
    scale: float = 1.0
    digits: int = 1
    target: float | None = None
    tasks: tuple[Task, ...] = TASKS


OBJECT: tuple[Task, ...] = ("obj_add",)
BACKGROUND: tuple[Task, ...] = ("background_replace",)
METRICS = (
    Metric("object_top1", "object hit, top 1 (%)", "up", lambda m: m.hits.get("object_top1"), 100, 1, 60, OBJECT),
    Metric("object_top5", "object hit, top 5 (%)", "up", lambda m: m.hits.get("object_top5"), 100, 1, 85, OBJECT),
    Metric("place_hit", "place hit (%)", "up", lambda m: place_hit(m.found.alpha, m.case.place), 100, 1, 90, OBJECT),
    Metric(
        "sane_frames",
        "frames with 0.3 to 60 % coverage (%)",
        "up",
        lambda m: sane_share(m.found.alpha),
        100,
        1,
        95,
        OBJECT,
    ),
    Metric("leakage", "matte far from the object (%)", "down", lambda m: leakage(m.found.alpha), 100, tasks=OBJECT),
    Metric(
        "shadow_hit",
        "shadow, where truth has one (%)",
        "up",
        lambda m: m.darkened and m.darkened[1] >= m.darkened[0] / 2,
        100,
        tasks=OBJECT,
    ),
    Metric(
        "darkening", "ground darkened there by (%)", "up", lambda m: m.darkened and m.darkened[1], 100, tasks=OBJECT
    ),
    Metric("iou", "matte IoU", "up", lambda m: intersection_over_union(m.found.alpha, m.alpha), 1, 3, 0.90, BACKGROUND),
    Metric(
        "subject_iou",
        "kept subject IoU",
        "up",
        lambda m: intersection_over_union(1 - m.found.alpha, 1 - m.alpha),
        digits=3,
        tasks=BACKGROUND,
    ),
    Metric("mae", "matte MAE", "down", lambda m: mean_absolute_error(m.found.alpha, m.alpha), 1, 3, 0.05, BACKGROUND),
    Metric(
        "gradient",
        "matte gradient error",
        "down",
        lambda m: gradient_error(m.found.alpha, m.alpha),
        1,
        4,
        None,
        BACKGROUND,
    ),
    Metric("scene_top1", "background hit, top 1 (%)", "up", lambda m: m.hits.get("scene_top1"), 100, tasks=BACKGROUND),
    Metric("scene_top5", "background hit, top 5 (%)", "up", lambda m: m.hits.get("scene_top5"), 100, tasks=BACKGROUND),
    Metric("coverage", "solid coverage (%)", None, None, 100),
    Metric("dtssd", "matte dtSSD", "down", lambda m: dtssd(m.found.alpha, m.alpha), digits=2),
    Metric(
        "disagreement",
        "layer disagreement",
        "down",
        lambda m: None if m.found.composite is None else layer_disagreement(m.found.composite, m.found.result),
        digits=3,
        target=0.03,
    ),
    Metric(
        "warp_excess",
        "flow-warp error over the source's (levels)",
        "down",
        lambda m: warp_excess(m.found.result, m.truth.source),
        digits=2,
    ),
    Metric(
        "psnr",
        "PSNR where truth preserves (dB)",
        "up",
        lambda m: psnr(m.found.result, m.truth.source, m.truth.alpha == 0),
    ),
    Metric(
        "ssim",
        "SSIM where truth preserves",
        "up",
        lambda m: ssim(m.found.result, m.truth.source, m.truth.alpha == 0),
        digits=4,
    ),
)


def metrics_of(task: Task) -> tuple[Metric, ...]:
    """Metrics of a task in the order of the table's rows."""
    return tuple(metric for metric in METRICS if task in metric.tasks)

"""The metrics of all evaluations: what each is of an edit, its region, unit, good direction and target value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from vera.data.sample import Task
from vera.errors import VeraError
from vera.evaluation.predictions.measured import Measured, Need
from vera.metrics import matting
from vera.metrics.compositing import compositing_residual, edge_band_error
from vera.metrics.consistency import layer_disagreement
from vera.metrics.coverage import coverage, leakage, sane_share
from vera.metrics.ffmpeg import vmaf, xpsnr
from vera.metrics.placement import place_hit
from vera.metrics.preservation import ms_ssim, psnr, ssim
from vera.metrics.temporal import dtssd, flicker, warp_excess

TASKS: tuple[Task, ...] = get_args(Task)
OBJECT: tuple[Task, ...] = ("obj_add",)
BACKGROUND: tuple[Task, ...] = ("background_replace",)


ARROWS = {"up": "↑", "down": "↓", None: ""}


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What is measured, and how it is shown.

    Args:
        name: in records; title: in tables; definition: in a line, with its source.
        better: the good direction, None where there is none.
        of: its value, None where it says nothing of a case. VeraError where it cannot be had here. Nothing where others
            measure, such as judges.
        needs: what an edit or a case must have for it.
        region: of the frame, that it is measured over; None where that goes without saying.
        scale, digits: of the number that is printed; target: what the project wants, in that unit.
        tasks: of which it is measured.
    """

    name: str
    title: str
    better: Literal["up", "down"] | None = None
    of: Callable[[Measured], float | None] = lambda _: None
    definition: str = ""
    needs: tuple[Need, ...] = ()
    region: Literal["preserved", "frame"] | None = None
    scale: float = 1.0
    digits: int = 1
    target: float | None = None
    tasks: tuple[Task, ...] = TASKS

    @property
    def heading(self) -> str:
        """Title with the region."""
        where = {"preserved": ", preserved region", "frame": ", whole frame", None: ""}[self.region]
        name, bracket, unit = self.title.partition(" (")
        return f"{name}{where}{bracket}{unit}"

    @property
    def arrow(self) -> str:
        """The good direction as an arrow."""
        return ARROWS[self.better]

    def shown(self, value: float) -> str:
        """A value as it is printed."""
        return f"{value * self.scale:z.{self.digits}f}"


METRICS = (
    Metric(
        name="psnr_preserved", title="PSNR (dB)", better="up", region="preserved", needs=("preserved",),
        of=lambda m: psnr(m.result, m.source, m.preserved),
        definition="peak signal-to-noise ratio of result and source, squared errors pooled over the clip; 100 if equal",
    ),
    Metric(
        name="psnr_frame", title="PSNR (dB)", better="up", region="frame",
        of=lambda m: psnr(m.result, m.source),
        definition="the same over everything, the edit included",
    ),
    Metric(
        name="ssim_preserved", title="SSIM", better="up", region="preserved", needs=("preserved",), digits=4,
        of=lambda m: ssim(m.result, m.source, m.preserved),
        definition="structural similarity of luma over windows wholly in the region (Wang et al., 2004)",
    ),
    Metric(
        name="ssim_frame", title="SSIM", better="up", region="frame", digits=4,
        of=lambda m: ssim(m.result, m.source),
        definition="the same over everything",
    ),
    Metric(
        name="ms_ssim_frame", title="MS-SSIM", better="up", region="frame", digits=4,
        of=lambda m: ms_ssim(m.result, m.source),
        definition="SSIM at five scales (Wang et al., 2003); frames from 176 pixels on",
    ),
    Metric(
        name="lpips_preserved", title="LPIPS", better="down", region="preserved", needs=("preserved",), digits=4,
        of=lambda m: m.networks.perceptual(m.result, m.source, m.preserved),
        definition="distance in AlexNet's features (Zhang et al., 2018), with the source outside of the region",
    ),
    Metric(
        name="lpips_frame", title="LPIPS", better="down", region="frame", digits=4,
        of=lambda m: m.networks.perceptual(m.result, m.source),
        definition="the same over everything",
    ),
    Metric(
        name="vmaf", title="VMAF", better="up", region="frame", needs=("files",),
        of=lambda m: m.files and vmaf(*m.files),
        definition="of result and source by ffmpeg's libvmaf and its default model",
    ),
    Metric(
        name="xpsnr", title="XPSNR (dB)", better="up", region="frame", needs=("files",),
        of=lambda m: m.files and xpsnr(*m.files),
        definition="perceptually weighted PSNR of luma (Helmrich et al., 2020) by ffmpeg",
    ),
    Metric(
        name="oc", title="overall consistency OC", better="up", digits=3,
        of=lambda m: m.networks.consistency(m.result),
        definition="mean of DINO's subject and CLIP's background consistency of the result (VBench, IVEBench)",
    ),
    Metric(
        name="tf", title="temporal flickering TF", better="up", digits=3,
        of=lambda m: flicker(m.result),
        definition="(255 - mean absolute difference of neighbouring frames) / 255 of the result (VBench, IVEBench)",
    ),
    Metric(
        name="osc", title="overall semantic consistency OSC", better="up", digits=3, needs=("caption",),
        of=lambda m: m.networks.semantic(m.result, m.case.caption or ""),
        definition="cosine of VideoCLIP-XL's embeddings of result and target caption (IVEBench)",
    ),
    Metric(
        name="object_top1", title="object hit, top 1 (%)", better="up", needs=("galleries", "layers"), tasks=OBJECT,
        of=lambda m: m.hits.get("object_top1"), scale=100, target=60,
        definition="the nearest of all classes to the cut-out object is the named one",
    ),
    Metric(
        name="object_top5", title="object hit, top 5 (%)", better="up", needs=("galleries", "layers"), tasks=OBJECT,
        of=lambda m: m.hits.get("object_top5"), scale=100, target=85,
        definition="it is among the five nearest",
    ),
    Metric(
        name="outline", title="object's outline, IoU", better="up", needs=("galleries", "layers"), tasks=OBJECT,
        of=lambda m: m.hits.get("outline"), digits=3, target=0.85,
        definition="overlap of the object with the silhouette of its class that fits it best, moved and scaled",
    ),
    Metric(
        name="place_hit", title="place hit (%)", better="up", needs=("layers", "place"), tasks=OBJECT,
        of=lambda m: place_hit(m.alpha, m.case.place or ""), scale=100, target=90,
        definition="the object's centre, averaged over the clip, lies in the named third of the width",
    ),
    Metric(
        name="sane_frames", title="frames with 0.3 to 60 % coverage (%)", better="up", needs=("layers",), tasks=OBJECT,
        of=lambda m: sane_share(m.alpha), scale=100, target=95,
        definition="share of the frames that are 0.3 to 60 % solid",
    ),
    Metric(
        name="leakage", title="matte far from the object (%)", better="down", needs=("layers",), tasks=OBJECT,
        of=lambda m: leakage(m.alpha), scale=100,
        definition="share of alpha's mass farther than 15 % of the height from the object",
    ),
    Metric(
        name="shadow_hit", title="shadow, where truth has one (%)", better="up", tasks=OBJECT, scale=100,
        needs=("layers", "truth", "composite"),
        of=lambda m: m.darkened and m.darkened[1] >= m.darkened[0] / 2,
        definition="the ground beside the object's foot loses at least half the light that it loses in the truth",
    ),
    Metric(
        name="darkening", title="ground darkened there by (%)", better="up", tasks=OBJECT, scale=100,
        needs=("layers", "truth", "composite"),
        of=lambda m: m.darkened and m.darkened[1],
        definition="which share of its light that ground lost",
    ),
    Metric(
        name="iou", title="matte IoU", better="up", needs=("layers", "truth"), tasks=BACKGROUND, digits=3, target=0.90,
        of=lambda m: matting.intersection_over_union(m.alpha, m.true_alpha),
        definition="overlap of the solid parts (alpha above one half) of matte and true matte, over the clip",
    ),
    Metric(
        name="subject_iou", title="kept subject IoU", better="up", needs=("layers", "truth"), tasks=BACKGROUND,
        of=lambda m: matting.intersection_over_union(1 - m.alpha, 1 - m.true_alpha), digits=3,
        definition="the same of what is not solid",
    ),
    Metric(
        name="mae", title="matte MAE", better="down", needs=("layers", "truth"), tasks=BACKGROUND, digits=3,
        of=lambda m: matting.mean_absolute_error(m.alpha, m.true_alpha), target=0.05,
        definition="mean absolute difference of the mattes",
    ),
    Metric(
        name="sad", title="matte SAD (thousands)", better="down", needs=("layers", "truth"), tasks=BACKGROUND, digits=2,
        of=lambda m: matting.sum_of_absolute_differences(m.alpha, m.true_alpha),
        definition="sum of absolute differences of the mattes of a frame, mean over frames (Rhemann et al., 2009)",
    ),
    Metric(
        name="mse", title="matte MSE", better="down", needs=("layers", "truth"), tasks=BACKGROUND, digits=4,
        of=lambda m: matting.mean_squared_error(m.alpha, m.true_alpha),
        definition="mean squared difference of the mattes",
    ),
    Metric(
        name="gradient", title="matte gradient error", better="down", needs=("layers", "truth"), tasks=BACKGROUND,
        of=lambda m: matting.gradient_error(m.alpha, m.true_alpha), digits=4,
        definition="squared difference of the lengths of the mattes' gradients, in thousands (Rhemann et al., 2009)",
    ),
    Metric(
        name="connectivity", title="matte connectivity error", better="down", needs=("layers", "truth"), digits=4,
        of=lambda m: matting.connectivity_error(m.alpha, m.true_alpha), tasks=BACKGROUND,
        definition="difference of how far mattes hang together, in thousands (Rhemann et al., 2009)",
    ),
    Metric(
        name="scene_top1", title="background hit, top 1 (%)", better="up", needs=("galleries", "layers"), scale=100,
        of=lambda m: m.hits.get("scene_top1"), tasks=BACKGROUND,
        definition="the nearest of all panoramas to the edit layer is the named one",
    ),
    Metric(
        name="scene_top5", title="background hit, top 5 (%)", better="up", needs=("galleries", "layers"), scale=100,
        of=lambda m: m.hits.get("scene_top5"), tasks=BACKGROUND,
        definition="it is among the five nearest",
    ),
    Metric(
        name="coverage", title="solid coverage (%)", better=None, needs=("layers",), scale=100,
        of=lambda m: coverage(m.alpha),
        definition="share of the clip's pixels that are solid",
    ),
    Metric(
        name="dtssd", title="matte dtSSD", better="down", needs=("layers", "truth"), digits=2,
        of=lambda m: dtssd(m.alpha, m.true_alpha),
        definition="root mean square difference of the mattes' changes from frame to frame, times 100 (Erofeev, 2015)",
    ),
    Metric(
        name="disagreement", title="layer disagreement", better="down", needs=("network",), digits=3, target=0.03,
        of=lambda m: layer_disagreement(m.composite, m.result),
        definition="mean absolute difference of the network's own composite and the result of its layers",
    ),
    Metric(
        name="residual", title="compositing residual (levels)", better="down", needs=("layers",), digits=2,
        of=lambda m: compositing_residual(m.result, m.edit, m.alpha, m.source),
        definition="mean absolute difference of the result and alpha * edit + (1 - alpha) * source",
    ),
    Metric(
        name="edge_band", title="error at the matte's outline (levels)", better="down", digits=2, tasks=BACKGROUND,
        needs=("truth", "composite"),
        of=lambda m: edge_band_error(m.result, m.true_composite, m.true_alpha),
        definition="mean absolute difference of result and true composite within 1 % of the height of the true outline",
    ),
    Metric(
        name="warp_excess", title="flow-warp error over the source's (levels)", better="down", digits=2,
        of=lambda m: warp_excess(m.result, m.source),
        definition="how badly each frame is predicted by the next along the clip's own flow, minus the source's",
    ),
)  # fmt: skip

HELD_OUT = (
    "object_top1", "object_top5", "outline", "place_hit", "sane_frames", "leakage", "shadow_hit", "darkening", "iou",
    "subject_iou", "mae", "gradient", "scene_top1", "scene_top5", "dtssd", "disagreement", "warp_excess",
    "psnr_preserved", "ssim_preserved",
)  # fmt: skip
FOOTAGE = (
    "object_top1", "object_top5", "outline", "place_hit", "sane_frames", "leakage", "scene_top1", "scene_top5",
    "coverage", "warp_excess",
)  # fmt: skip
PUBLISHED = (
    "psnr_preserved", "psnr_frame", "ssim_preserved", "ssim_frame", "ms_ssim_frame", "lpips_preserved", "lpips_frame",
    "vmaf", "xpsnr", "oc", "tf", "osc", "place_hit", "leakage", "iou", "mae", "sad", "mse", "gradient", "connectivity",
    "dtssd", "residual", "edge_band", "warp_excess",
)  # fmt: skip


def metrics_of(task: Task) -> tuple[Metric, ...]:
    """Metrics of a task in the order of the table's rows."""
    return tuple(metric for metric in METRICS if task in metric.tasks)


def choose_metrics(names: Sequence[str]) -> tuple[Metric, ...]:
    """The metrics of these names, in the order of the table's rows. VeraError for a name that none has."""
    known = {metric.name: metric for metric in METRICS}
    for name in names:
        if name not in known:
            raise VeraError(f"there is no metric {name!a:.40}; there are {', '.join(known)}")
    return tuple(metric for metric in METRICS if metric.name in names)

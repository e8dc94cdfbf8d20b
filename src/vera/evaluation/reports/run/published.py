"""The published comparison, as printed: arXiv 2606.23610 and its project page, 141 cases of their test set."""

from dataclasses import dataclass
from typing import Literal

SOURCE = "arXiv 2606.23610, project page, main table: 72 object additions and 69 background replacements"


@dataclass(frozen=True)
class PublishedColumn:
    """A column of the published table: its good direction, digits as printed, and which measures of ours are its kind.

    `ours` by region, "" where the region goes without saying. Which region the published numbers are over is not
    stated.
    """

    title: str
    better: Literal["up", "down"]
    digits: int
    ours: dict[str, str]


COLUMNS = (
    PublishedColumn("PSNR", "up", 1, {"preserved": "psnr_preserved", "frame": "psnr_frame"}),
    PublishedColumn("SSIM", "up", 3, {"preserved": "ssim_preserved", "frame": "ssim_frame"}),
    PublishedColumn("LPIPS", "down", 3, {"preserved": "lpips_preserved", "frame": "lpips_frame"}),
    PublishedColumn("OC", "up", 2, {"": "oc"}),
    PublishedColumn("TF", "up", 2, {"": "tf"}),
    PublishedColumn("CS", "up", 2, {"": "cs"}),
    PublishedColumn("CT", "up", 2, {"": "ct"}),
    PublishedColumn("OSC", "up", 3, {"": "osc"}),
    PublishedColumn("IS", "up", 2, {"": "is"}),
)

PUBLISHED: dict[str, dict[str, tuple[float, ...]]] = {
    "obj_add": {
        "Ditto": (13.1, 0.447, 0.529, 0.98, 0.98, 2.84, 3.13, 0.239, 3.62),
        "Lucy-Edit": (19.0, 0.798, 0.301, 0.98, 0.98, 2.54, 2.79, 0.238, 2.98),
        "VideoPainter": (10.7, 0.354, 0.669, 0.64, 0.98, 2.54, 2.80, 0.247, 2.87),
        "VACE-1.3B": (10.3, 0.323, 0.667, 0.98, 0.98, 2.55, 3.01, 0.250, 2.99),
        "VACE-14B": (10.1, 0.325, 0.666, 0.98, 0.98, 2.63, 3.08, 0.248, 3.26),
        "ReCo": (16.8, 0.778, 0.280, 0.98, 0.98, 3.18, 3.35, 0.243, 3.77),
        "Vera-1.3B": (25.3, 0.949, 0.078, 0.98, 0.98, 3.49, 3.47, 0.243, 4.05),
        "Vera-14B": (26.1, 0.950, 0.082, 0.98, 0.98, 3.59, 3.66, 0.244, 4.13),
    },
    "background_replace": {
        "Ditto": (21.7, 0.888, 0.092, 0.97, 0.97, 3.29, 3.25, 0.240, 4.26),
        "Lucy-Edit": (22.3, 0.908, 0.078, 0.96, 0.96, 2.50, 2.50, 0.235, 3.71),
        "VideoPainter": (29.9, 0.975, 0.032, 0.83, 0.97, 2.29, 2.31, 0.237, 3.64),
        "VACE-1.3B": (31.5, 0.981, 0.024, 0.96, 0.97, 3.74, 3.61, 0.245, 4.48),
        "VACE-14B": (31.7, 0.983, 0.021, 0.96, 0.96, 3.68, 3.59, 0.243, 4.44),
        "ReCo": (24.9, 0.935, 0.061, 0.96, 0.97, 2.45, 2.71, 0.220, 3.05),
        "Vera-1.3B": (35.2, 0.993, 0.010, 0.96, 0.97, 3.34, 3.25, 0.243, 4.35),
        "Vera-14B": (36.2, 0.993, 0.010, 0.96, 0.97, 3.28, 3.21, 0.242, 4.38),
    },
}


def best_published(task: str) -> tuple[float, ...]:
    """The best value of each column among the published methods."""
    rows = zip(*PUBLISHED[task].values(), strict=True)
    return tuple(
        max(values) if column.better == "up" else min(values) for column, values in zip(COLUMNS, rows, strict=True)
    )

"""Figures of a report, each as PNG and PDF: means with intervals, cases one by one, and panels as in Figure 7."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vera import optional
from vera.evaluation.reports.run.heat import FULL
from vera.evaluation.reports.run.media import CaseMedia
from vera.evaluation.reports.run.tables import TaskTable
from vera.evaluation.reports.run.tabular import title_of

# Okabe and Ito's colours, told apart by colour-blind readers too, and a marker for each.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a8a00")
MARKERS = "osD^vPX*"
NAMES = 28  # letters of a method's name over a strip
SHOWN = 8  # measures of a figure of intervals
LOOK: Any = {
    "font.size": 8, "axes.titlesize": 8, "axes.spines.top": False, "axes.spines.right": False,
    "figure.constrained_layout.use": True, "pdf.fonttype": 42, "text.parse_math": False,
}  # fmt: skip


def write_intervals(folder: Path, name: str, table: TaskTable) -> list[Path]:
    """Draw the means of a task's first measures, each with its interval: `intervals-NAME.png` and `.pdf`."""
    measured = [
        metric for metric in table.metrics if any(table.cells[metric.name, method].count for method in table.methods)
    ]
    chosen = [metric for metric in measured if metric == table.main]
    chosen += [metric for metric in measured if metric.better and metric != table.main]
    chosen = chosen[:SHOWN]
    if not chosen:
        return []
    across = min(4, len(chosen))
    down = -(-len(chosen) // across)
    with figure_style() as plt:
        figure, axes = plt.subplots(
            down, across, figsize=(2.6 * across + 1, down * (1 + 0.28 * len(table.methods))), squeeze=False, sharey=True
        )
        for axis in axes.flat[len(chosen) :]:
            axis.set_visible(False)
        for axis, metric in zip(axes.flat, chosen, strict=False):
            for place, method in enumerate(table.methods):
                cell = table.cells[metric.name, method]
                if cell.mean is None:
                    axis.text(
                        0.5, place, "not available", transform=axis.get_yaxis_transform(), ha="center", va="center"
                    )
                    continue
                color, marker = look_of(place)
                mean, reach = cell.mean * metric.scale, None
                if cell.low is not None and cell.high is not None:
                    reach = [[(cell.mean - cell.low) * metric.scale], [(cell.high - cell.mean) * metric.scale]]
                axis.errorbar(mean, place, xerr=reach, fmt=marker, color=color, capsize=2)
            axis.set_title(one_line(f"{metric.heading} {metric.arrow}"), loc="left")
            axis.set_yticks(range(len(table.methods)), [one_line(method) for method in table.methods])
            axis.set_ylim(len(table.methods) - 0.5, -0.5)
            axis.grid(axis="x", alpha=0.3)
        figure.suptitle(one_line(f"{title_of(table.task)}: means over {len(table.cases)} cases, 95 % intervals"))
        return save_figure(figure, folder / f"intervals-{name}")


def write_pairs(folder: Path, name: str, table: TaskTable, reference: str) -> list[Path]:
    """Draw each case's main measure, the reference against every other method: `pairs-NAME.png` and `.pdf`."""
    others = [method for method in table.methods if method != reference]
    metric = table.main
    if metric is None or reference not in table.methods or not others:
        return []
    with figure_style() as plt:
        figure, axis = plt.subplots(figsize=(4.6, 4.4))
        drawn = []
        for place, other in enumerate(others, 1):
            pairs = [
                (table.values[case, other][metric.name], table.values[case, reference][metric.name])
                for case in table.cases
                if metric.name in table.values.get((case, other), {})
                and metric.name in table.values.get((case, reference), {})
            ]
            if pairs:
                color, marker = look_of(place)
                points = np.array(pairs) * metric.scale
                axis.scatter(*points.T, color=color, marker=marker, s=18, alpha=0.75, label=one_line(other))
                drawn.append(points)
        if not drawn:
            plt.close(figure)
            return []
        ends = np.concatenate(drawn)
        margin = 0.05 * float(np.ptp(ends)) or 1.0
        limits = float(ends.min()) - margin, float(ends.max()) + margin
        axis.plot(limits, limits, color="#888", linewidth=0.8, zorder=0)  # equal
        axis.set(xlim=limits, ylim=limits, aspect="equal")
        axis.set_xlabel(one_line(f"other methods, {metric.heading}"))
        axis.set_ylabel(one_line(f"{reference}, {metric.heading}"))
        axis.set_title(one_line(f"{title_of(table.task)}: a mark a case {metric.arrow}"), loc="left")
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
        return save_figure(figure, folder / f"pairs-{name}")


def write_panel(folder: Path, name: str, media: CaseMedia, methods: Sequence[str], instruction: str) -> list[Path]:
    """Draw a case's still with its names and the scale of differences: `panel-NAME.png` and `.pdf`."""
    still = cv2.imdecode(np.frombuffer(media.still, np.uint8), cv2.IMREAD_COLOR)
    if still is None:
        return []
    picture = still[..., ::-1]
    high, wide = picture.shape[:2]
    with figure_style() as plt:
        figure, axis = plt.subplots(figsize=(8, 8 * high / wide + 0.9))
        axis.imshow(picture, interpolation="none")
        axis.set_axis_off()
        size = media.tile[0] / wide
        size = min(8.0, 40 * media.tile[0] / wide)
        for (x, y), label in zip(media.places, ("source", *methods), strict=True):
            # Above the first row of strips is room; on the others the name stands in the picture.
            place = {"y": -high * 0.008, "va": "bottom"} if y == 0 else {"y": y + 4, "va": "top", "color": "white"}
            axis.text(x=x + media.tile[0] * 0.02, s=one_line(label, NAMES), fontsize=size, **place)
        axis.set_title(one_line(instruction, 110), loc="left", pad=16)
        shades = plt.cm.ScalarMappable(plt.Normalize(0, FULL), "inferno")
        bar = figure.colorbar(shades, ax=axis, orientation="horizontal", fraction=0.03, pad=0.02, extend="max")
        where = "over the preserved region" if media.masked else "over the whole frame"
        bar.set_label(f"difference from the source {where}, levels of 255, mean of channels")
        return save_figure(figure, folder / f"panel-{name}")


@contextmanager
def figure_style() -> Iterator[Any]:
    """Give matplotlib's pyplot with a look of its own and no window."""
    optional.need("matplotlib", "matplotlib", "a report's figures", "evaluation").use("agg")
    from matplotlib import pyplot, rc_context

    with rc_context(LOOK):
        yield pyplot


def save_figure(figure: Any, stem: Path) -> list[Path]:
    """Write a figure as PNG and PDF, equal ones to the byte; returns the files."""
    from matplotlib import pyplot

    paths = [stem.with_name(f"{stem.name}.{suffix}") for suffix in ("png", "pdf")]
    figure.savefig(paths[0], dpi=160, metadata={"Software": None})
    figure.savefig(paths[1], metadata={"CreationDate": None, "Creator": None, "Producer": None})
    pyplot.close(figure)
    return paths


def look_of(place: int) -> tuple[str, str]:
    """Return the colour and the marker of the method in place `place`."""
    return COLORS[place % len(COLORS)], MARKERS[place % len(MARKERS)]


def one_line(text: str, most: int = 70) -> str:
    """A stranger's text on one line that fits."""
    plain = " ".join(text.split())
    return plain if len(plain) <= most else f"{plain[: most - 3]}..."

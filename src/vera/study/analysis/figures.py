"""Figures of a study, each as PNG and PDF: shares of wins as in the published Figure 6, abilities, times."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vera.evaluation.reports.run.figures import COLORS, figure_style, look_of, one_line, save_figure
from vera.study.analysis.choices import Rater
from vera.study.analysis.comparisons import Comparison
from vera.study.analysis.exclusions import decision_times
from vera.study.analysis.results import Result
from vera.study.registration import LEVEL
from vera.study.study import QUESTIONS, Key

TITLES = {"preservation": "Content preservation", "compliance": "Instruction compliance", "quality": "Video quality"}
WON, LOST = COLORS[0], "#d9dce2"


def write_wins(folder: Path, name: str, comparisons: Sequence[Comparison], key: Key, title: str) -> list[Path]:
    """Draw the shares of wins of the reference over each baseline, a panel a question: `wins-NAME.png` and `.pdf`."""
    if not comparisons:
        return []
    with figure_style() as plt:
        size = (8.2, 1.25 + 0.42 * len(key.baselines))
        figure, axes = plt.subplots(1, len(QUESTIONS), figsize=size, sharey=True)
        for axis, question in zip(axes, QUESTIONS, strict=True):
            own = [one for one in comparisons if one.question == question]
            for one in own:
                _bar(axis, one)
            axis.set_title(TITLES[question], loc="left")
            axis.axvline(50, color="#444", linewidth=0.8, linestyle=":")
            axis.set(xlim=(0, 100), xticks=(0, 25, 50, 75, 100), ylim=(len(key.baselines) - 0.4, -0.6))
            axis.set_yticks(range(len(key.baselines)), [one_line(f"vs. {name}", 28) for name in key.baselines])
        axes[1].set_xlabel(
            f"% of choices for {one_line(key.reference, 30)}; whiskers: 95 % over raters; * Holm's p at most {LEVEL:g}"
        )
        figure.suptitle(one_line(title, 110), x=0.01, ha="left")
        return save_figure(figure, folder / f"wins-{name}")


def _bar(axis: Any, one: Comparison) -> None:
    share = 100 * one.share
    axis.barh(one.baseline, share, color=WON, height=0.62)
    axis.barh(one.baseline, 100 - share, left=share, color=LOST, height=0.62)
    star = "*" if one.holm <= LEVEL else ""
    axis.text(3, one.baseline, f"{share:.0f} %{star}", color="white" if share > 16 else "black", va="center")
    if one.wilson is not None:
        ends = [[share - 100 * one.wilson.low], [100 * one.wilson.high - share]]
        axis.errorbar(share, one.baseline, xerr=ends, color="black", capsize=2, linewidth=1)


def write_abilities(folder: Path, result: Result, key: Key) -> list[Path]:
    """Draw by how many logits the reference is better than each baseline: `abilities.png` and `.pdf`."""
    known = [one for own in result.abilities.values() for one in own if one.interval is not None]
    if not known:
        return []
    with figure_style() as plt:
        figure, axes = plt.subplots(1, len(QUESTIONS), figsize=(8.2, 1.25 + 0.42 * len(key.baselines)), sharey=True)
        for axis, question in zip(axes, QUESTIONS, strict=True):
            for place, one in enumerate(result.abilities[question]):
                color, marker = look_of(place)
                if one.interval is None:
                    axis.text(0, place, "not known", ha="center", va="center")
                    continue
                value = one.interval.value
                reach = [[value - one.interval.low], [one.interval.high - value]]
                axis.errorbar(value, place, xerr=reach, fmt=marker, color=color, capsize=2)
            axis.axvline(0, color="#444", linewidth=0.8, linestyle=":")
            axis.set_title(TITLES[question], loc="left")
            axis.set_yticks(range(len(key.baselines)), [one_line(f"vs. {name}", 28) for name in key.baselines])
            axis.set_ylim(len(key.baselines) - 0.5, -0.5)
        axes[1].set_xlabel(f"logits by which {one_line(key.reference, 30)} is preferred; 95 % intervals")
        return save_figure(figure, folder / "abilities")


def write_times(folder: Path, raters: Sequence[Rater]) -> list[Path]:
    """Draw how long each rater took for a pair, exploratory: `times.png` and `.pdf`."""
    taken = [(rater, decision_times(rater)[0]) for rater in raters]
    shown = [(rater, seconds) for rater, seconds in taken if seconds]
    if not shown:
        return []
    with figure_style() as plt:
        figure, axis = plt.subplots(figsize=(min(12.0, 4 + 0.2 * len(shown)), 2.8))
        axis.boxplot([seconds for _, seconds in shown], showfliers=True, flierprops={"markersize": 2})
        axis.set_xticks(range(1, len(shown) + 1), [rater.name[6:] for rater, _ in shown], rotation=90)
        axis.set(xlabel="rater", ylabel="seconds a pair")
        axis.set_ylim(bottom=0)
        axis.set_title("Exploratory: time from a trial's beginning to its answer", loc="left")
        return save_figure(figure, folder / "times")

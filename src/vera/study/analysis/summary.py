"""The results as lines for a terminal."""

from collections.abc import Iterator, Mapping

from vera.study.analysis.page import p_text, percent
from vera.study.analysis.results import Result, limits
from vera.study.study import Key


def summary_lines(results: Mapping[str, Result], excluded: Mapping[str, list[str]], key: Key) -> Iterator[str]:
    """Yield a line for each comparison, without and with those left out, and what the answers cannot say."""
    for kept, result in results.items():
        if kept == "everybody" and result.raters == results["kept"].raters:
            continue
        whose = "all raters" if kept == "everybody" else f"{result.raters} of {len(excluded)} raters, as registered"
        yield f"{key.reference}, {whose}:"
        for one in result.comparisons:
            yield (
                f"  vs. {key.baselines[one.baseline]:<16.16} {one.question:<12} {one.wins:>4} of {one.trials:<4} "
                f"{100 * one.share:5.1f} %  {percent(one.wilson):<12}  p {p_text(one.p):<7}  by Holm {p_text(one.holm)}"
            )
    for name, reasons in excluded.items():
        if reasons:
            yield f"left out  {name}: {'; '.join(reasons)}"
    yield from (f"note      {line}" for line in limits(results["kept"]))

"""`vera data annotate`: the pages on which people do their part of a build."""

from pathlib import Path

from vera.cli.serving import SERVING, Serving


def annotate(
    out: Path,
    /,
    *,
    gold: Path | None = None,
    overlap: float = 0.1,
    gold_share: float = 0.05,
    lease: float = 900.0,
    serving: Serving = SERVING,
) -> None:
    """Make the decisions that a build waits for, in the browser.

    Parameters
    ----------
    out
        The build's folder.
    gold
        Dataset of `vera data synth`. Its clips, with known answers, are mixed into everybody's tasks. Default: none.
    overlap
        Share of tasks, 0 to 1, that a second person answers without seeing the first answer.
    gold_share
        Share of each person's tasks, 0 to 1, that are from --gold.
    lease
        Seconds after a person's last action for which their task stays reserved for them.
    """
    access = serving.access("the pages")
    from vera.annotation.desk import open_desk
    from vera.annotation.server.app import annotation_app
    from vera.annotation.store.store import make_rules

    desk = open_desk(out, gold, make_rules(lease=lease, overlap=overlap, gold=gold_share))
    serving.serve(annotation_app(desk, access, serving.host, serving.name), access)

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
    """Choose, accept and correct in the browser what a build waits for. Needs a few packages: pip install
    'vera-layers[construct,studio]'.

    Prints a link that opens the pages once; each time one was used, another. Ctrl-C ends it. Decisions are in the
    build's folder at once: vera data build takes them up.

    Parameters
    ----------
    out
        The build's folder.
    gold
        Data set of `vera data synth`: clips whose answers are known, among everybody's tasks.
    overlap
        Share of the tasks that a second person answers without seeing the first.
    gold_share
        Share of each person's tasks whose answers are known.
    lease
        Seconds after somebody's last sign of life, from which others may have their task.
    """
    access = serving.access("the pages")
    from vera.annotation.desk import open_desk
    from vera.annotation.server.app import annotation_app
    from vera.annotation.store.store import make_rules

    desk = open_desk(out, gold, make_rules(lease=lease, overlap=overlap, gold=gold_share))
    serving.serve(annotation_app(desk, access, serving.host, serving.name), access)

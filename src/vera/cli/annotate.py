"""`vera data annotate`: the pages on which people do their part of a build."""

import webbrowser
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vera.cli.terminal import say

Words = Annotated[tuple[str, ...], Parameter(negative=())]


def annotate(
    out: Path,
    /,
    *,
    gold: Path | None = None,
    overlap: float = 0.1,
    gold_share: float = 0.05,
    lease: float = 900.0,
    host: str = "127.0.0.1",
    port: int = 0,
    name: Words = (),
    token_file: Path | None = None,
    proxy: str | None = None,
    user_header: str = "X-Forwarded-User",
    browser: bool = True,
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
    host
        Address to listen at. Others than this machine need a token file.
    port
        0 for a free one.
    name
        What browsers call this machine, where that is not the host, such as studio.example.com. May be repeated.
    token_file
        File of a token, one line, that only you can read: browsers stay known over a restart, and programs use it.
    proxy
        Address of a reverse proxy that lets people in and names them.
    user_header
        The header in which it does.
    browser
        Open the link in the browser.
    """
    from vera.optional import need

    for package in ("fastapi", "uvicorn"):
        need(package, package, "the pages", "studio")
    from vera.annotation.desk import open_desk
    from vera.annotation.server.app import annotation_app
    from vera.annotation.store.store import make_rules
    from vera.service.access import Access, Proxy
    from vera.service.run import serve
    from vera.service.tokens import check_host, read_token

    check_host(host, token_file)
    token = None if token_file is None else read_token(token_file)
    access = Access(token, None if proxy is None else Proxy(proxy, user_header))
    desk = open_desk(out, gold, make_rules(lease=lease, overlap=overlap, gold=gold_share))

    def ready(url: str) -> None:
        link = url + access.link()
        access.used = lambda: say(f"another    {url}{access.link()}")
        say(f"open       {link}")
        if browser:
            webbrowser.open(link)

    serve(annotation_app(desk, access, host, name), host, port, ready=ready)

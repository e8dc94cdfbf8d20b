"""Simulated raters in headless Chromium, who press keys in the study's own page; for `benchmarks/study_load.py`."""

import random
import threading
from collections.abc import Sequence

from benchmarks.study_raters import Log
from playwright.sync_api import Browser, Response, expect
from tests.browsers import LONGEST, chromium
from tests.study.browsing import RaterPage

KEYS = ("12", "qw", "as")


def rate_in_browsers(
    url: str, tokens: Sequence[str], length: int, seconds: float, log: Log, begun: threading.Event
) -> None:
    """Answer whole sessions of `length` trials, each in a window of its own, one answer in `seconds` of each.

    What the pages hear to be kept goes into `log`; `begun` is set when all show their first pair.
    """
    try:
        if not tokens:
            return
        with chromium() as browser:
            raters = [_begin(browser, f"{url}/r/{token}", log) for token in tokens]
            begun.set()
            for _ in range(length):
                for rater in raters:
                    rater.page.wait_for_timeout(1000 * seconds / len(raters))
                    rater.answer("".join(map(random.choice, KEYS)))
            for rater in raters:
                expect(rater.page.get_by_role("heading", name="Thank you")).to_be_visible(timeout=LONGEST)
    finally:
        begun.set()


def _begin(browser: Browser, link: str, log: Log) -> RaterPage:
    rater = RaterPage(browser)
    rater.page.set_default_timeout(LONGEST)
    rater.page.on("response", lambda response: _note(log, response))
    rater.consent(link)
    return rater


def _note(log: Log, response: Response) -> None:
    if response.request.method == "PUT" and response.status == 200:
        session, _, trial = response.url.split("/")[-3:]
        log.kept[session, int(trial)] = response.request.post_data_json["sides"]

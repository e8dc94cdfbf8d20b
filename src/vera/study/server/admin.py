"""Routes of the researcher: how far the study is. No result is told while it runs, so that none decides its end."""

from fastapi import APIRouter
from sqlalchemy import Engine

from vera.study.analysis.choices import Rater, read_raters
from vera.study.analysis.exclusions import missed_catch, reasons
from vera.study.links import Links
from vera.study.server.door import RESEARCHER
from vera.study.server.forms import Progress, RaterProgress
from vera.study.store.sessions import all_sessions, count_withdrawals
from vera.study.study import Rules, Study


def admin_routes(study: Study, engine: Engine, links: Links) -> APIRouter:
    """Make the routes below `/api/admin`, which only the researcher's cookie reaches."""
    router = APIRouter(prefix=RESEARCHER)

    @router.get("/progress")
    def progress() -> Progress:
        """Tell who is how far, and how many answers each comparison has; baselines have numbers."""
        raters = read_raters(study, engine)
        sessions = all_sessions(engine)
        counts = [0] * study.baselines
        for rater in raters:
            for one in rater.of_kind("pair"):
                counts[one.item.baseline] += 1
        return Progress(
            title=study.texts.title,
            planned=study.design.raters,
            started=len(sessions),
            finished=sum(session["finished"] is not None for session in sessions),
            withdrawn=count_withdrawals(engine),
            answers=counts,
            raters=[_told(study.design.rules, rater) for rater in raters],
            links=[f"/r/{token}" for token in links.raters],
            shared=f"/r/{links.shared}",
        )

    return router


def _told(rules: Rules, rater: Rater) -> RaterProgress:
    return RaterProgress(
        name=rater.name,
        answered=len(rater.answered),
        of=len(rater.trials),
        missed=sum(map(missed_catch, rater.of_kind("catch"))),
        left_out=reasons(rules, rater),
        last=max(one.received for one in rater.answered),
    )

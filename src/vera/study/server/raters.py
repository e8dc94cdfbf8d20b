"""Routes of a rater's session: where one is, consent, videos, answers, withdrawal."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse
from sqlalchemy import Engine

from vera.service.errors import ConflictError, MissingError
from vera.service.media import media
from vera.study.folder import MEDIA, media_path
from vera.study.planning import minutes
from vera.study.registration import WORDING
from vera.study.server.door import Door, SessionId
from vera.study.server.forms import Answer, Consent, Kept, ShownTrial, State, Withdrawal
from vera.study.store.answers import save_answer
from vera.study.store.sessions import Session, find_session, has_withdrawn, start_session, withdraw
from vera.study.study import Study
from vera.study.trials import draw_trials

Number = Annotated[int, InPath(ge=0, lt=10_000)]
NOT_BEGUN = "this session has not begun, or was withdrawn: open your link again"


def rater_routes(study: Study, folder: Path, engine: Engine, door: Door) -> APIRouter:
    """Make the routes below `/api/sessions/{session}`, which only the session's own cookie reaches."""
    router = APIRouter(prefix="/api/sessions/{session}")

    @router.get("")
    def state(session: SessionId) -> State:
        """Tell where a rater is."""
        return _state(study, engine, door, session)

    @router.post("/consent")
    def consent(session: SessionId, said: Consent, request: Request) -> State:
        """Begin: a place in the design is the rater's from now on."""
        about = request.state.about
        code = door.links.code_of(session)
        start_session(
            engine, session, code, lambda slot: draw_trials(study, slot), about.get("link"), about.get("prolific")
        )
        return _state(study, engine, door, session)

    @router.get("/media/{trial}", response_class=FileResponse)
    def video(session: SessionId, trial: Number) -> FileResponse:
        """Send the packed video of a trial, in ranges."""
        found = _begun(engine, session)
        if trial >= len(found.trials):
            raise MissingError(f"trial {trial}: there are {len(found.trials)}")
        return media(media_path(folder, found.trials[trial].item), folder / MEDIA, immutable=True)

    @router.put("/answers/{trial}")
    def answer(session: SessionId, trial: Number, given: Answer) -> Kept:
        """Keep a trial's choices; they are on the disk when this is answered."""
        saved = save_answer(
            engine, session, trial, given.attempt, given.sides.by_question(), given.record.model_dump(exclude_none=True)
        )
        if saved == "none":
            raise MissingError(NOT_BEGUN)
        if saved == "beyond":
            raise MissingError(f"trial {trial}: there are {study.design.length}")
        if saved == "other":
            raise ConflictError(f"trial {trial}: was answered before, as in another tab; that answer stays")
        return Kept(again=saved == "again")

    @router.post("/withdrawal")
    def withdrawal(session: SessionId, asked: Withdrawal, request: Request) -> State:
        """Delete all that was recorded of a session."""
        _withdraw(engine, door, request, asked.code, session)
        return _state(study, engine, door, session)

    return router


def withdrawal_routes(engine: Engine, door: Door) -> APIRouter:
    """Make the route by which somebody without a link withdraws by the code alone."""
    router = APIRouter()

    @router.post("/api/withdrawal", status_code=204)
    def withdrawal(asked: Withdrawal, request: Request) -> None:
        """Delete all that was recorded under a code."""
        _withdraw(engine, door, request, asked.code)

    return router


def _withdraw(engine: Engine, door: Door, request: Request, code: str, session: str | None = None) -> None:
    door.listen(request)
    if not withdraw(engine, code, session):
        door.wrong(request)
        raise MissingError("there is nothing recorded under this code; compare it with the one you were given")


def _begun(engine: Engine, session: str) -> Session:
    found = find_session(engine, session)
    if found is None:
        raise MissingError(NOT_BEGUN)
    return found


def _state(study: Study, engine: Engine, door: Door, session: str) -> State:
    texts = study.texts
    state = State(
        phase="consent",
        title=texts.title,
        consent=texts.consent,
        contact=texts.contact,
        minutes=minutes(study.design),
        questions=dict(WORDING),
    )
    found = find_session(engine, session)
    if found is None:
        return state.model_copy(update={"phase": "withdrawn"}) if has_withdrawn(engine, session) else state
    done = len(found.answered) == len(found.trials)
    return state.model_copy(
        update={
            "phase": "done" if done else "trials",
            "code": door.links.code_of(session),
            "completion": texts.completion if done else "",
            "trials": _shown(study, found),
        }
    )


def _shown(study: Study, session: Session) -> list[ShownTrial]:
    items = {item.id: item for item in study.items}
    shown = []
    for number, trial in enumerate(session.trials):
        item = items[trial.item]
        shown.append(
            ShownTrial(
                instruction=item.instruction,
                width=item.size[0],
                height=item.size[1],
                top=item.top,
                rows=item.rows,
                frames=item.frames,
                seconds=item.seconds,
                swapped=trial.swapped,
                answered=number in session.answered,
            )
        )
    return shown

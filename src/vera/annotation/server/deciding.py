"""Routes of who decides and looks after the work: where two disagree, and how far everything is."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import StreamingResponse

from vera.annotation.desk import Desk
from vera.annotation.server.forms import Adopt, Differing, Progress
from vera.annotation.server.progress import read_progress
from vera.annotation.server.routes import LEASE, NDJSON, LeaseId, Number, mask_lines, person_of
from vera.annotation.store.answers import Pair, adopt, find_pair
from vera.annotation.store.leases import Lease, find_lease
from vera.service.errors import ConflictError, MissingError


def deciding_routes(desk: Desk) -> APIRouter:
    """Make the routes of adjudication and of the progress."""
    routes = APIRouter()

    def pair_of(lease: str) -> tuple[Lease, Pair]:
        held = find_lease(desk.store, lease)
        if held.role != "adjudicate":
            raise ConflictError("only who adjudicates sees what others answered")
        desk.void(held)
        pair = find_pair(desk.store, held.task)
        if pair is None:
            raise ConflictError("what was answered here is of something that was made anew since; take the next task")
        return held, pair

    @routes.get(LEASE + "/pair")
    def pair(lease: LeaseId) -> Differing:
        """Tell the two answers, and not whose they are."""
        held, found = pair_of(lease)
        agreement = desk.store.row("SELECT agreement FROM tasks WHERE number = ?", held.task)
        assert agreement is not None
        return Differing(answers=[dict(answer) for answer in found.answers], agreement=agreement["agreement"])

    @routes.get(LEASE + "/pair/{which}/masks/{number}", response_class=StreamingResponse)
    def masks(lease: LeaseId, which: Annotated[int, Path(ge=0, le=1)], number: Number) -> StreamingResponse:
        """Follow an object of one of the answers through the clip."""
        held, found = pair_of(lease)
        objects: list[dict[str, Any]] = found.answers[which].get("objects", [])
        if number > len(objects):
            raise MissingError(f"this answer has {len(objects)} objects")
        return StreamingResponse(mask_lines(desk, held, objects[number - 1]), media_type=NDJSON)

    @routes.post(LEASE + "/adopted", status_code=204)
    def take(lease: LeaseId, body: Adopt) -> None:
        """Decide for one of the answers."""
        _, found = pair_of(lease)
        adopt(desk.store, lease, found, body.which)
        desk.log.write_settled(desk.store)

    @routes.get("/api/progress")
    def progress(request: Request) -> Progress:
        """Tell how far each gate and each person is."""
        return read_progress(desk.store, person_of(request, ""))

    return routes

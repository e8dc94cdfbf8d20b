"""Routes of the work: a task is taken, events are kept, masks and pictures shown, an answer given."""

import json
from collections.abc import Iterator
from itertools import chain, islice
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Path, Request
from fastapi.responses import Response, StreamingResponse

from vera.annotation.desk import Desk
from vera.annotation.draft import MOST_OBJECTS
from vera.annotation.masks import mask_at, masks_along
from vera.annotation.pictures import View, picture
from vera.annotation.server.forms import Claim, Drafted, Drawn, Given, Kept, NewEvent, Work
from vera.annotation.server.showing import VIEWS, show_work
from vera.annotation.store.events import events_of
from vera.annotation.store.leases import Lease, find_lease, give_back, keep, seconds_left
from vera.construction.formats.mend import NOTHING
from vera.construction.formats.rle import encode_mask
from vera.service.access import Caller
from vera.service.errors import MissingError
from vera.service.media import FOREVER

LEASE = "/api/leases/{lease}"
LeaseId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{22}$")]
Number = Annotated[int, Path(ge=1, le=MOST_OBJECTS)]
FrameNumber = Annotated[int, Path(ge=0, le=1 << 16)]
NDJSON = "application/x-ndjson"


def work_routes(desk: Desk) -> APIRouter:
    """Make the routes of who does the work."""
    routes = APIRouter()

    @routes.post("/api/claims")
    def take(claim: Claim, request: Request) -> Given:
        """Give the caller the task that they hold, or one that waits; none where nothing does."""
        found = desk.claim(person_of(request, claim.person), claim.gate, claim.role)
        return Given(work=None if found is None else show_work(desk, found))

    @routes.post("/api/reopened")
    def take_back(claim: Claim, request: Request) -> Given:
        """Give the caller the task again that they answered last."""
        found = desk.reopen(person_of(request, claim.person), claim.gate)
        return Given(work=None if found is None else show_work(desk, found))

    @routes.get(LEASE)
    def work(lease: LeaseId) -> Work:
        """Tell all of a task in somebody's hands."""
        return show_work(desk, find_lease(desk.store, lease))

    @routes.post(LEASE + "/kept")
    def stay(lease: LeaseId) -> Kept:
        """Show a sign of life, so that nobody else is given the task."""
        with desk.store.change():
            return Kept(seconds=seconds_left(desk.store, keep(desk.store, lease)))

    @routes.delete(LEASE, status_code=204)
    def leave(lease: LeaseId) -> None:
        """Give a task back; what was done is kept for the same person."""
        give_back(desk.store, lease)

    @routes.post(LEASE + "/events")
    def do(lease: LeaseId, new: NewEvent) -> Drafted:
        """Keep an event: it is on the disk when this answers."""
        held = desk.save(lease, new.seq, new.event)
        return Drafted(seq=len(events_of(desk.store, held.number)), draft=desk.draft(held).to_json())

    @routes.post(LEASE + "/answer", status_code=204)
    def answer(lease: LeaseId, said: dict[str, Any], later: BackgroundTasks) -> None:
        """Keep the answer; what it decides is in the build's log when this answers."""
        desk.finish(find_lease(desk.store, lease), said)
        later.add_task(desk.settle)

    @routes.get(LEASE + "/masks/{number}/{frame}")
    def mask(lease: LeaseId, number: Number, frame: FrameNumber) -> Drawn:
        """Draw an object's mask in a frame in which it was pointed at."""
        found = find_lease(desk.store, lease)
        drawn = mask_at(desk.clips, found.clip, desk.draft(found).chosen(number), frame)
        return Drawn(counts=None if drawn is None else encode_mask(drawn))

    @routes.get(LEASE + "/masks/{number}", response_class=StreamingResponse)
    def masks(lease: LeaseId, number: Number) -> StreamingResponse:
        """Follow an object through the clip: a line of JSON for each frame, as it is found."""
        found = find_lease(desk.store, lease)
        chosen = desk.draft(found).chosen(number)
        return StreamingResponse(mask_lines(desk, found, chosen), media_type=NDJSON)

    @routes.get(LEASE + "/pictures/{view}/{frame}", response_class=Response)
    def shown(lease: LeaseId, view: View, frame: FrameNumber) -> Response:
        """Show a frame of a view: JPEG, alpha as PNG."""
        found = find_lease(desk.store, lease)
        if view not in VIEWS[found.gate]:  # which files there are beside them tells what is gold
            raise MissingError(f"{view} is not shown at {found.gate}")
        mend = desk.draft(found).mend() if found.gate == "curate" else NOTHING
        content, kind = picture(desk.clips, found.clip, found.object, view, frame, mend)
        kept = FOREVER if found.gate != "curate" else "private, no-cache"
        return Response(content, media_type=kind, headers={"cache-control": kept})

    return routes


def mask_lines(desk: Desk, lease: Lease, chosen: dict[str, Any]) -> Iterator[str]:
    """Lines of JSON, one a frame: its number and the mask's counts. The first is found at once: what cannot be followed
    is told as an error, before a status is sent."""
    found = masks_along(desk.clips, lease.clip, chosen)
    first = list(islice(found, 1))
    return (json.dumps({"frame": t, "counts": encode_mask(mask)}) + "\n" for t, mask in chain(first, found))


def person_of(request: Request, told: str) -> str:
    """Whom a proxy names, or who the page says that it is."""
    caller: Caller = request.state.caller
    return caller.name or told.strip()

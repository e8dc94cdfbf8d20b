"""Exact frames of a project at full size, and the code values behind them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from vera.service.problems import Problem
from vera.studio.pictures import exact_picture, exact_samples
from vera.studio.schema.base import Id, Position
from vera.studio.schema.projects import Samples, View
from vera.studio.studio import Studio

Pixel = Annotated[int, Query(ge=0, lt=16384)]
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}, "image/jpeg": {}}, "description": "A picture."},
    204: {"description": "A newer frame was asked for meanwhile."},
    503: {"model": Problem},
}


def pictures_router(studio: Studio) -> APIRouter:
    """Make the routes of exact pictures."""
    router = APIRouter(tags=["pictures"])

    @router.get("/projects/{project}/frames/{frame}", responses=_PICTURE, response_class=Response)
    def picture(
        project: Id,
        frame: Position,
        view: View = "result",
        format: Literal["png", "jpeg"] = "png",
        take: Id | None = None,
        window: Id | None = None,
    ) -> Response:
        """Give a frame at full size, upright: that of the file which `vera composite` writes.

        With `take` it has that take alone, as it came, over the source. A `window` names itself by what nobody else
        does: then its newest frame of a view displaces those that wait, whose answer is 204.
        """
        drawn = exact_picture(studio, project, frame, view, format, take, window)
        return Response(status_code=204) if drawn is None else Response(drawn, media_type=f"image/{format}")

    @router.get("/projects/{project}/samples/{frame}", responses={503: {"model": Problem}})
    def samples(project: Id, frame: Position, x: Pixel, y: Pixel) -> Samples:
        """Give the code values at a pixel of the upright source."""
        return exact_samples(studio, project, frame, x, y)

    return router

"""Takes: generating, recovering, the bin, masks, and the files of their proxies."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from vera.service.media import media
from vera.service.problems import Problem
from vera.studio.bringing import bring_for
from vera.studio.emptying import empty_bin
from vera.studio.masks import add_mask
from vera.studio.pictures import alpha_still
from vera.studio.schema.base import Id, Position
from vera.studio.schema.takes import Bring, Emptied, Layerize, Mask, NewTakes, Take
from vera.studio.studio import Studio
from vera.studio.takes import (
    bin_take,
    create_takes,
    describe_take,
    layerize_take,
    list_takes,
    restore_take,
    take_folder,
)

_PNG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}}, "description": "A picture."},
    503: {"model": Problem},
}


def takes_router(studio: Studio) -> APIRouter:
    """Make the routes of takes."""
    router = APIRouter(tags=["takes"])

    @router.post("/projects/{project}/takes", status_code=201)
    def create(project: Id, body: NewTakes) -> list[Take]:
        """Queue a take for each seed."""
        return create_takes(studio, project, body)

    @router.get("/projects/{project}/takes")
    def takes(project: Id) -> list[Take]:
        """List a project's takes, those in the bin too, the newest first."""
        return list_takes(studio, project)

    @router.post("/projects/{project}/layerize", status_code=201)
    def layerize(project: Id, body: Layerize) -> Take:
        """Queue the recovery of layers from somebody's edit of the clip."""
        return layerize_take(studio, project, body)

    @router.post("/projects/{project}/brought", status_code=201, responses={503: {"model": Problem}})
    def brought(project: Id, body: Bring) -> Take:
        """Bring in a layer folder of the clip, as `vera edit --layers` writes: a take, once its proxies are made."""
        return bring_for(studio, project, body)

    @router.delete("/projects/{project}/bin")
    def empty(project: Id) -> Emptied:
        """Delete the takes in the bin for good, but for those that are layers, or that a job uses."""
        return empty_bin(studio, project)

    @router.post(
        "/projects/{project}/masks",
        status_code=201,
        responses={503: {"model": Problem}},
        openapi_extra={"requestBody": {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}},
    )
    async def mask(project: Id, request: Request) -> Mask:
        """Keep a mask: a PNG of the clip's upright size, white on what must stay."""
        return await add_mask(studio, project, request)

    @router.get("/takes/{take}")
    def take(take: Id) -> Take:
        """Describe a take."""
        return describe_take(studio, take)

    @router.delete("/takes/{take}")
    def bin(take: Id) -> Take:
        """Put a take into the bin; its job, if it waits or runs, is cancelled. A layer that uses it is still laid."""
        return bin_take(studio, take)

    @router.post("/takes/{take}/restore")
    def restore(take: Id) -> Take:
        """Take it out of the bin."""
        return restore_take(studio, take)

    @router.get("/takes/{take}/edit.mp4", response_class=FileResponse)
    def edit(take: Id) -> FileResponse:
        """Give the edit layer's proxy: H.264, one frame for each layer frame."""
        return media(take_folder(studio, take) / "edit.mp4", studio.workspace, immutable=True)

    @router.get("/takes/{take}/alpha.webm", response_class=FileResponse)
    def alpha(take: Id) -> FileResponse:
        """Give the matte's proxy: lossless VP9, whose luma is alpha from 0 to 255."""
        return media(take_folder(studio, take) / "alpha.webm", studio.workspace, immutable=True)

    @router.get("/takes/{take}/small_edit.mp4", response_class=FileResponse)
    def small_edit(take: Id) -> FileResponse:
        """Give the edit layer's proxy at half the size."""
        return media(take_folder(studio, take) / "small_edit.mp4", studio.workspace, immutable=True)

    @router.get("/takes/{take}/small_alpha.webm", response_class=FileResponse)
    def small_alpha(take: Id) -> FileResponse:
        """Give the matte's proxy at half the size."""
        return media(take_folder(studio, take) / "small_alpha.webm", studio.workspace, immutable=True)

    @router.get("/takes/{take}/alpha/{frame}.png", responses=_PNG, response_class=Response)
    def still(take: Id, frame: Position) -> Response:
        """Give the matte of a layer frame as a grey PNG of the proxy's size: the same codes as in `alpha.webm`."""
        return Response(alpha_still(studio, take, frame), media_type="image/png")

    @router.get("/takes/{take}/manifest", response_class=FileResponse)
    def manifest(take: Id) -> FileResponse:
        """Give the layer folder's manifest."""
        return media(take_folder(studio, take) / "manifest.json", studio.workspace)

    return router

"""Projects: layers over a clip, changed by one tab at a time."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from vera.service.problems import Problem
from vera.studio.bringing import open_root
from vera.studio.deleted import empty_deleted, list_deleted, restore_project
from vera.studio.display import display_table
from vera.studio.luts import add_lut, list_luts
from vera.studio.projects import (
    change_project,
    create_project,
    delete_project,
    list_projects,
    project_record,
    read_project,
)
from vera.studio.schema.base import Id, Name
from vera.studio.schema.projects import (
    ChangedProject,
    DamagedProject,
    DeletedProject,
    Display,
    Freed,
    Lut,
    NewLut,
    NewProject,
    OpenProject,
    Project,
)
from vera.studio.studio import Studio

IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=200)]
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}}, "description": "A picture."},
    503: {"model": Problem},
}
_STALE: dict[int | str, dict[str, Any]] = {412: {"model": Problem}, 428: {"model": Problem}}


def projects_router(studio: Studio) -> APIRouter:
    """Make the routes of projects. A project's ETag changes with its name, display, layers and `strict_chroma`."""
    router = APIRouter(tags=["projects"])

    @router.post("/projects", status_code=201)
    def create(body: NewProject, response: Response) -> Project:
        """Make a project over a clip that is open."""
        project = create_project(studio, body)
        response.headers["ETag"] = project.etag
        return project.body

    @router.post("/opened", status_code=201, responses={503: {"model": Problem}})
    def opened(body: OpenProject, response: Response) -> Project:
        """Open a layer folder or a project file below a root, with its clip, as a new project."""
        project = read_project(studio, open_root(studio, body.root, body.inside))
        response.headers["ETag"] = project.etag
        return project.body

    @router.get("/projects")
    def projects() -> list[Project | DamagedProject]:
        """List all projects, the one that was changed last first. One that cannot be read says why in `damaged`."""
        return list_projects(studio)

    @router.get("/projects/{project}")
    def project(project: Id, response: Response) -> Project:
        """Describe a project."""
        found = read_project(studio, project)
        response.headers["ETag"] = found.etag
        return found.body

    @router.patch("/projects/{project}", responses=_STALE | {503: {"model": Problem}})
    def change(project: Id, body: ChangedProject, response: Response, if_match: IfMatch = None) -> Project:
        """Change a project, if it still is what `If-Match` says: 412 if another tab changed it since."""
        changed = change_project(studio, project, body, if_match)
        response.headers["ETag"] = changed.etag
        return changed.body

    @router.delete("/projects/{project}", status_code=204, responses=_STALE)
    def delete(project: Id, if_match: IfMatch = None) -> None:
        """Move a project into the bin; its jobs are cancelled. One that cannot be read goes with `If-Match: *`."""
        delete_project(studio, project, if_match)

    @router.get("/deleted")
    def deleted() -> list[DeletedProject]:
        """List the projects in the bin, the one that was changed last first."""
        return list_deleted(studio)

    @router.post("/deleted/{project}/restore")
    def restore(project: Id) -> Project:
        """Move a project out of the bin; jobs that were cancelled stay so."""
        return restore_project(studio, project)

    @router.delete("/deleted")
    def empty() -> Freed:
        """Delete the projects in the bin for good, and uploads and proxies that only they used."""
        return empty_deleted(studio)

    @router.post("/projects/{project}/luts", status_code=201, responses={503: {"model": Problem}})
    def lut(project: Id, body: NewLut) -> Lut:
        """Keep a .cube file that was uploaded: it may show the project's clip."""
        return add_lut(studio, project, body.upload)

    @router.get("/projects/{project}/luts")
    def luts(project: Id) -> list[Lut]:
        """List the project's LUTs."""
        return list_luts(studio, project)

    @router.get("/projects/{project}/display.png", responses=_PICTURE, response_class=Response)
    def display(project: Id, lut: Id | None = None, ocio: Name | None = None) -> Response:
        """Give what a display does to the clip as a table: R'G'B' of its proxy to that of BT.709, 33x1089 pixels.

        It is a cube: blue runs down, by squares of green (down) and red (right).
        """
        clip = project_record(studio, project)["clip"]
        return Response(display_table(studio, project, clip, Display(lut=lut, ocio=ocio)), media_type="image/png")

    return router

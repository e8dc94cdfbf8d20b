"""Projects: layers over a clip, changed by one tab at a time."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from vera.service.problems import Problem
from vera.studio.projects import change_project, create_project, delete_project, list_projects, read_project
from vera.studio.schema.base import Id
from vera.studio.schema.projects import ChangedProject, NewProject, Project
from vera.studio.studio import Studio

IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=200)]
_STALE: dict[int | str, dict[str, Any]] = {412: {"model": Problem}, 428: {"model": Problem}}


def projects_router(studio: Studio) -> APIRouter:
    """Make the routes of projects. A project's ETag changes with its name, its layers and `strict_chroma`."""
    router = APIRouter(tags=["projects"])

    @router.post("/projects", status_code=201)
    def create(body: NewProject, response: Response) -> Project:
        """Make a project over a clip that is open."""
        project = create_project(studio, body)
        response.headers["ETag"] = project.etag
        return project.body

    @router.get("/projects")
    def projects() -> list[Project]:
        """List all projects, the one that was changed last first."""
        return list_projects(studio)

    @router.get("/projects/{project}")
    def project(project: Id, response: Response) -> Project:
        """Describe a project."""
        found = read_project(studio, project)
        response.headers["ETag"] = found.etag
        return found.body

    @router.patch("/projects/{project}", responses=_STALE)
    def change(project: Id, body: ChangedProject, response: Response, if_match: IfMatch = None) -> Project:
        """Change a project, if it still is what `If-Match` says: 412 if another tab changed it since."""
        changed = change_project(studio, project, body, if_match)
        response.headers["ETag"] = changed.etag
        return changed.body

    @router.delete("/projects/{project}", status_code=204, responses=_STALE)
    def delete(project: Id, if_match: IfMatch = None) -> None:
        """Move a project out of the way, into `bin` of the workspace; its jobs are cancelled."""
        delete_project(studio, project, if_match)

    return router

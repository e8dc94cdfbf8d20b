"""The studio's routes, `/api/v1`: each a few lines over what does the work."""

from fastapi import APIRouter

from vera.studio.api.about import about_router
from vera.studio.api.clips import clips_router
from vera.studio.api.outputs import outputs_router
from vera.studio.api.pictures import pictures_router
from vera.studio.api.projects import projects_router
from vera.studio.api.takes import takes_router
from vera.studio.studio import Studio

PREFIX = "/api/v1"


def studio_routers(studio: Studio) -> list[APIRouter]:
    """Make all routers of the studio, for `vera.service.app.make_app`."""
    makers = (about_router, clips_router, projects_router, takes_router, pictures_router, outputs_router)
    routers = []
    for make in makers:
        router = APIRouter(prefix=PREFIX)
        router.include_router(make(studio))
        routers.append(router)
    return routers

"""What the studio is, the folders that clips are opened from, and the ways out."""

from fastapi import APIRouter

from vera.service.problems import Problem
from vera.studio.about import describe_studio, list_masters, list_targets
from vera.studio.display import list_spaces
from vera.studio.roots import list_entries
from vera.studio.schema.about import About, Master, Target
from vera.studio.schema.base import Id
from vera.studio.schema.clips import Entries, Inside
from vera.studio.studio import Studio


def about_router(studio: Studio) -> APIRouter:
    """Make the routes of this studio's facts."""
    router = APIRouter(tags=["about"])

    @router.get("/about")
    def about() -> About:
        """Say what this studio is and can do."""
        return describe_studio(studio)

    @router.get("/masters")
    def masters() -> list[Master]:
        """List the tiers of masters, with what each promises."""
        return list_masters()

    @router.get("/targets")
    def targets() -> list[Target]:
        """List the programs and formats that layers are exported for."""
        return list_targets()

    @router.get("/colorspaces", responses={503: {"model": Problem}})
    def colorspaces() -> list[str]:
        """List the colour spaces of OpenColorIO's config, which may show a project's clip."""
        return list_spaces(studio)

    @router.get("/roots/{root}/entries")
    def entries(root: Id, inside: Inside = "") -> Entries:
        """List what can be opened in a folder below a root, folders first."""
        return list_entries(studio, root, inside)

    return router

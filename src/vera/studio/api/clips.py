"""Clips: opening, and the files of their proxies."""

from fastapi import APIRouter
from fastapi.responses import FileResponse

from vera.service.media import media
from vera.service.problems import Problem
from vera.studio.clips import clip_folder, describe_clip, list_clips, open_for
from vera.studio.schema.base import Id
from vera.studio.schema.clips import Clip, OpenClip, Peaks
from vera.studio.studio import Studio


def clips_router(studio: Studio) -> APIRouter:
    """Make the routes of clips."""
    router = APIRouter(tags=["clips"])

    @router.post("/clips", status_code=201, responses={503: {"model": Problem}})
    def open_clip(body: OpenClip) -> Clip:
        """Open a clip, in a process of its own; its proxy is queued. A clip that is open already is given again."""
        return open_for(studio, body)

    @router.get("/clips")
    def clips() -> list[Clip]:
        """List all clips that were opened, the newest first."""
        return list_clips(studio)

    @router.get("/clips/{clip}")
    def clip(clip: Id) -> Clip:
        """Describe a clip."""
        return describe_clip(studio, clip)

    @router.get("/clips/{clip}/proxy.mp4", response_class=FileResponse)
    def proxy(clip: Id) -> FileResponse:
        """Give the proxy: H.264, every frame a key frame."""
        return media(clip_folder(studio, clip) / "proxy" / "proxy.mp4", studio.workspace, immutable=True)

    @router.get("/clips/{clip}/small.mp4", response_class=FileResponse)
    def small(clip: Id) -> FileResponse:
        """Give the proxy at half the size."""
        return media(clip_folder(studio, clip) / "proxy" / "small.mp4", studio.workspace, immutable=True)

    @router.get("/clips/{clip}/thumbnails.jpg", response_class=FileResponse)
    def thumbnails(clip: Id) -> FileResponse:
        """Give frames spread over the clip as one row of equal tiles."""
        return media(clip_folder(studio, clip) / "proxy" / "thumbnails.jpg", studio.workspace, immutable=True)

    @router.get("/clips/{clip}/peaks", response_model=Peaks)
    def peaks(clip: Id) -> FileResponse:
        """Give the peaks of the sound."""
        return media(clip_folder(studio, clip) / "proxy" / "peaks.json", studio.workspace, immutable=True)

    return router

"""The studio as an app: a workspace, its queue and uploads, the routes, and who may call them."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from vera.errors import VeraError
from vera.jobs.router import router as jobs_router
from vera.jobs.store import JobStore
from vera.service.access import Access
from vera.service.app import make_app
from vera.service.run import allowed_hosts
from vera.service.tus import uploads_router
from vera.service.uploads import Uploads
from vera.studio.about import UPLOAD_LIMIT
from vera.studio.api import PREFIX, studio_routers
from vera.studio.asking import check_spec
from vera.studio.drawing import Drawing
from vera.studio.studio import Studio, root_id

STATIC = Path(__file__).parent / "static"
_FOLDERS = ("clips", "projects", "uploads")


def open_studio(
    workspace: Path, roots: Iterable[Path] = (), models: Sequence[str] = ("nano",), loras: Sequence[str] = ()
) -> Studio:
    """Open a workspace, which is made if there is none. Raises VeraError where it cannot be written."""
    folders = {root_id(path): path for path in (root.resolve() for root in roots)}
    for path in folders.values():
        if not path.is_dir():
            raise VeraError(f"{path}: is no folder; name one that holds clips")
    try:
        for name in _FOLDERS:
            (workspace / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VeraError(f"{workspace}: the workspace cannot be made ({error.strerror}); name another folder") from None
    workspace = workspace.resolve()
    store = JobStore(workspace / "jobs.sqlite")
    uploads = Uploads(workspace / "uploads", UPLOAD_LIMIT)
    return Studio(workspace, store, uploads, Drawing(), folders, tuple(models), tuple(loras))


def studio_app(studio: Studio, access: Access, host: str = "127.0.0.1", names: Sequence[str] = ()) -> FastAPI:
    """Make the app of a studio that is served at `host`, which browsers know by `names` as well."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(studio.drawing.close)

    return make_app(
        title="Vera studio",
        hosts=allowed_hosts(host, names),
        access=access,
        public=[access.router],
        routers=[
            *studio_routers(studio),
            jobs_router(studio.jobs, partial(check_spec, studio)),
            uploads_router(studio.uploads, f"{PREFIX}/uploads"),
        ],
        static=STATIC if (STATIC / "index.html").is_file() else None,
        lifespan=lifespan,
    )

"""The desk as an app: its routes, its page, and who may call them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from vera.annotation.desk import Desk
from vera.annotation.server.deciding import deciding_routes
from vera.annotation.server.routes import work_routes
from vera.service.access import Access
from vera.service.app import make_app
from vera.service.run import allowed_hosts

STATIC = Path(__file__).parents[1] / "static"


def annotation_app(desk: Desk, access: Access, host: str = "127.0.0.1", names: Sequence[str] = ()) -> FastAPI:
    """Make the app of a desk that is served at `host`, which browsers know by `names` as well."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(desk.close)

    return make_app(
        title="Vera annotation",
        hosts=allowed_hosts(host, names),
        access=access,
        public=[access.router],
        routers=[work_routes(desk), deciding_routes(desk)],
        static=STATIC if (STATIC / "index.html").is_file() else None,
        lifespan=lifespan,
    )

"""Apps: routes behind one door, one form of errors, no page that is open to strangers."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI

from vera._version import __version__
from vera.service.bodies import JSON
from vera.service.guard import Guard
from vera.service.problems import Problem, add_handlers

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Any]]


def make_app(
    *,
    title: str,
    hosts: Iterable[str],
    access: Callable[..., Any],
    routers: Sequence[APIRouter],
    public: Sequence[APIRouter] = (),
    static: Path | None = None,
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """Make an app whose every route, files of `static` and the API's description included, asks `access` first.

    Args:
        title: of the API's description, which stands at `/openapi.json`.
        hosts: names without port that it answers to.
        access: a dependency of FastAPI: returns who calls, or raises HTTPException 401 or 403.
        public: routers that anybody reaches, such as the one that a link opens: each route guards itself.
        static: folder of the built page: `index.html` at `/`, all other files at their names.
        lifespan: what runs from start to end, as FastAPI takes it.
    """
    app = FastAPI(
        title=title,
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses={
            status: {"model": Problem} for status in (400, 401, 403, 404, 405, 409, 413, 415, 421, 422, 500, 507)
        },
        redirect_slashes=False,
    )
    add_handlers(app)
    app.add_middleware(Guard, hosts=tuple(hosts))
    behind_door = APIRouter(dependencies=[Depends(access)])
    for router in routers:
        behind_door.include_router(router)

    @behind_door.get("/openapi.json", include_in_schema=False)
    def description() -> dict[str, Any]:
        """Describe the API as OpenAPI 3.1."""
        return describe(app)

    if static is not None:
        behind_door.frontend("/", directory=static, fallback=None)
    for router in (*public, behind_door):
        app.include_router(router)
    return app


def describe(app: FastAPI) -> dict[str, Any]:
    """Describe the API of an app as OpenAPI 3.1: errors are JSON also where the answer is text, or events."""
    described = app.openapi()
    for operations in described["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400 and "content" in response:
                    response["content"] = {JSON: next(iter(response["content"].values()))}
    return described

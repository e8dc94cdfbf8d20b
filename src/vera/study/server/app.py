"""The server of a study: what it needs is opened and compared with the registration before it answers anybody."""

from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from vera.errors import VeraError
from vera.service.app import make_app
from vera.service.problems import bug, problem
from vera.study.folder import DATABASE, LINKS, open_study, read_struct
from vera.study.links import Links
from vera.study.server.admin import admin_routes
from vera.study.server.door import Door, LinkThrottle
from vera.study.server.raters import rater_routes, withdrawal_routes
from vera.study.store.connect import is_away, open_database
from vera.study.store.sessions import claim_database
from vera.study.study import Study

PAGE = "static"


def study_app(
    folder: Path,
    database: str | None = None,
    hosts: Sequence[str] = ("127.0.0.1", "localhost"),
    proxy: str | None = None,
) -> tuple[FastAPI, Links]:
    """Open a study and make its app; returns its links, too.

    `database` is a URL of PostgreSQL; None: SQLite, in the study's folder. VeraError for a folder that is not as it was
    registered, and a database that cannot be reached or is another study's.
    """
    study, registration = open_study(folder)
    links = read_struct(folder / LINKS, Links)
    engine = open_database(database or folder / DATABASE)
    claim_database(engine, study.id, registration)
    return make_study_app(study, folder, engine, links, hosts, proxy), links


def make_study_app(
    study: Study, folder: Path, engine: Engine, links: Links, hosts: Sequence[str], proxy: str | None = None
) -> FastAPI:
    """Make the app of an opened study."""
    with as_file(files("vera.study") / PAGE) as page:
        static = Path(page)
    if not (static / "index.html").is_file():
        raise VeraError(f"{static}: the page is not built; run `npm ci && npm run build` in web/")
    pages = frozenset({"/", *(f"/{path.relative_to(static).as_posix()}" for path in static.rglob("*"))})
    door = Door(links, pages, proxy)
    app = make_app(
        title="Vera study",
        hosts=hosts,
        access=door,
        routers=[rater_routes(study, folder, engine, door), admin_routes(study, engine, links)],
        public=[door.router, withdrawal_routes(engine, door)],
        static=static,
    )
    app.add_middleware(LinkThrottle, door=door)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(PoolTimeoutError, _database)
    return app


def _database(request: Request, error: Exception) -> JSONResponse:
    """A database that is away comes back: pages send again what was not kept."""
    if isinstance(error, PoolTimeoutError) or (isinstance(error, DBAPIError) and is_away(error)):
        return problem(503, "the database does not answer; your answers are sent again", {"Retry-After": "2"})
    return bug(request.method, request.url.path, error)

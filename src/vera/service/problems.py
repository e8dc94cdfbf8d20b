"""One form for everything that goes wrong: `{"detail": one line}`."""

import logging
import sqlite3

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteError

from vera.errors import VeraError, printable
from vera.files import FULL_DISK
from vera.service.errors import STATUS

_log = logging.getLogger("vera.service")


class Problem(BaseModel):
    """What went wrong, where, and what to do: one line that a page can show."""

    detail: str


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Make the response that every failed request gets."""
    return JSONResponse({"detail": printable(detail)}, status, headers)


def add_handlers(app: FastAPI) -> None:
    """Have the errors of an app answered in the one form: a VeraError by 422, a full disk by 507; bugs by `Guard`."""
    for kind, handler in (
        (VeraError, _mendable),
        (RequestValidationError, _invalid),
        (StarletteError, _refused),
        (OSError, _system),
        (sqlite3.Error, _system),
    ):
        app.add_exception_handler(kind, handler)


def _mendable(request: Request, error: Exception) -> JSONResponse:
    return problem(next((status for kind, status in STATUS.items() if isinstance(error, kind)), 422), str(error))


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
    return problem(422, f"{where}: {first['msg']}")


def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException | StarletteError)
    return problem(error.status_code, str(error.detail), dict(error.headers or {}))


def _system(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OSError | sqlite3.Error)
    if getattr(error, "errno", None) in FULL_DISK or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return problem(507, "the server's disk is full; free space, then try again")
    return bug(request.method, request.url.path, error)


def bug(method: str, path: str, error: Exception) -> JSONResponse:
    """Log an error that nobody foresaw, and make its answer, which tells nothing of the server's inside."""
    # The path alone: a query may hold what opens the door.
    _log.error("%s %s failed", method, printable(path), exc_info=error)
    return problem(500, "the server failed at this; its log says more")

"""An app with every kind of route, and those who call it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse
from fastapi.testclient import TestClient
from pydantic import BaseModel

from vera.errors import VeraError
from vera.service.access import Access, Caller, Proxy
from vera.service.app import make_app
from vera.service.media import media
from vera.service.tus import uploads_router
from vera.service.uploads import Uploads

HOST = "http://127.0.0.1:8000"


class Note(BaseModel):
    text: str
    size: int = 1


@dataclass
class Site:
    app: FastAPI
    access: Access
    uploads: Uploads
    files: Path

    def client(self, **headers: str) -> TestClient:
        """A stranger, with these headers."""
        return TestClient(self.app, base_url=HOST, headers=headers, follow_redirects=False)

    def program(self) -> TestClient:
        return self.client(authorization=f"Bearer {self.access.token}")

    def browser(self) -> TestClient:
        """One that opened a link."""
        client = self.client()
        assert client.get(self.access.link()).status_code == 303
        return client


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    for folder in ("files", "page/assets"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "page/index.html").write_text("<!doctype html><script src=assets/a.js></script>")
    (tmp_path / "page/assets/a.js").write_text("1")
    access = Access(proxy=Proxy("10.0.0.9", "X-Forwarded-User"))
    uploads = Uploads(tmp_path / "uploads", limit=10_000_000)
    app = make_app(
        title="site",
        hosts=["127.0.0.1", "localhost"],
        access=access,
        routers=[example_routes(tmp_path / "files"), uploads_router(uploads)],
        public=[access.router],
        static=tmp_path / "page",
    )
    yield Site(app, access, uploads, tmp_path / "files")


def example_routes(files: Path) -> APIRouter:
    router = APIRouter(prefix="/api/v1")

    @router.get("/me")
    def me(request: Request) -> Caller:
        caller: Caller = request.state.caller
        return caller

    @router.post("/notes")
    def note(note: Note) -> Note:
        if note.text == "bad":
            raise VeraError("bad.mp4: is bad; choose another")
        if note.text == "bug":
            raise ZeroDivisionError("the inside of the server")
        return note

    @router.get("/files/{name}")
    def file(name: str) -> FileResponse:
        return media(files / name, files)

    return router

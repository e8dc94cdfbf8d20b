"""The routes of uploads, as tus 1.0.0 has them."""

import base64
import binascii
from email.utils import formatdate
from time import time
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Request, Response
from fastapi import Path as InPath
from starlette.requests import ClientDisconnect

from vera.service.problems import Problem
from vera.service.uploads import Uploads

VERSION = "1.0.0"
OFFSETS = "application/offset+octet-stream"
LARGEST = (1 << 63) - 1

Id = Annotated[str, InPath(pattern="^[0-9a-f]{32}$")]
Size = Annotated[int, Header(ge=0, le=LARGEST)]
Metadata = Annotated[str, Header(max_length=4096)]


async def speaks_tus(tus_resumable: Annotated[str, Header()] = "") -> None:
    """Refuse clients of another version, as a dependency."""
    if tus_resumable != VERSION:
        raise HTTPException(412, f"send Tus-Resumable: {VERSION}", {"Tus-Version": VERSION})


def uploads_router(uploads: Uploads, prefix: str = "/api/v1/uploads") -> APIRouter:
    """Make the routes of a folder of uploads. The id of one is the last part of its Location."""
    router = APIRouter(prefix=prefix, tags=["uploads"], responses={412: {"model": Problem}})
    ours = [Depends(speaks_tus)]

    @router.options("", status_code=204)
    async def abilities() -> Response:
        """Tell what this server can do."""
        told = {"Tus-Version": VERSION, "Tus-Extension": "creation,termination,expiration"}
        return Response(status_code=204, headers={**told, "Tus-Max-Size": str(uploads.limit)})

    @router.post("", status_code=201, response_class=Response, dependencies=ours)
    def create(request: Request, upload_length: Size, upload_metadata: Metadata = "") -> Response:
        """Begin an upload of Upload-Length bytes."""
        made = uploads.create(upload_length, _told(upload_metadata).get("filename", ""))
        return _answer(201, made.offset, Location=f"{request.url.path}/{made.id}", **_expiry(uploads))

    @router.head("/{upload}", response_class=Response, dependencies=ours)
    def offset(upload: Id) -> Response:
        """Tell how much of an upload there is."""
        found = uploads.get(upload)
        return _answer(200, found.offset, **{"Upload-Length": str(found.length)}, **_expiry(uploads))

    @router.patch("/{upload}", status_code=204, dependencies=ours)
    async def append(
        request: Request, upload: Id, upload_offset: Size, content_type: Annotated[str, Header()] = ""
    ) -> Response:
        """Go on with an upload at Upload-Offset."""
        if content_type != OFFSETS:
            raise HTTPException(415, f"the bytes of an upload are sent as {OFFSETS}")
        try:
            return _answer(204, await uploads.append(upload, upload_offset, request.stream()), **_expiry(uploads))
        except ClientDisconnect:
            raise HTTPException(400, "the connection broke off") from None  # nobody listens any more

    @router.delete("/{upload}", status_code=204, dependencies=ours)
    async def remove(upload: Id) -> Response:
        """Remove an upload."""
        await uploads.remove(upload)
        return Response(status_code=204, headers={"Tus-Resumable": VERSION})

    return router


def _answer(status: int, offset: int, **headers: str) -> Response:
    return Response(status_code=status, headers={"Tus-Resumable": VERSION, "Upload-Offset": str(offset), **headers})


def _expiry(uploads: Uploads) -> dict[str, str]:
    return {"Upload-Expires": formatdate(time() + uploads.kept, usegmt=True)}


def _told(metadata: str) -> dict[str, str]:
    """Upload-Metadata as names and texts. Raises HTTPException 400 for what is none."""
    told = {}
    for pair in filter(None, metadata.split(",")):
        name, _, value = pair.strip().partition(" ")
        try:
            told[name] = base64.b64decode(value, validate=True).decode("utf-8", "replace")
        except binascii.Error:
            raise HTTPException(400, "Upload-Metadata: the values are Base64") from None
    return told

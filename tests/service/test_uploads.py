"""Uploads that break off, lie about themselves, meet a full disk or each other."""

import asyncio
import base64
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import small_disk
from tests.service.conftest import Site

from vera.service.errors import ConflictError, MissingError, NoRoomError, TooLargeError
from vera.service.uploads import CHUNK, Uploads

UPLOADS = "/api/v1/uploads"


def encoded(name: str) -> str:
    return "filename " + base64.b64encode(name.encode()).decode() + ",filetype dmlkZW8vbXA0"


@pytest.fixture
def tus(site: Site) -> TestClient:
    return site.client(**{"authorization": f"Bearer {site.access.token}", "tus-resumable": "1.0.0"})


def create(tus: TestClient, length: object = 10, name: str = "clip.mp4") -> str:
    response = tus.post(UPLOADS, headers={"upload-length": str(length), "upload-metadata": encoded(name)})
    assert response.status_code == 201, response.text
    return str(response.headers["location"])


def patch(tus: TestClient, location: str, offset: object, content: bytes, **headers: str) -> Any:
    kind = {"content-type": "application/offset+octet-stream", "upload-offset": str(offset), **headers}
    return tus.patch(location, content=content, headers=kind)


def test_in_pieces(site: Site, tus: TestClient) -> None:
    location = create(tus)
    assert patch(tus, location, 0, b"01234").headers["upload-offset"] == "5"
    head = tus.head(location)
    assert (head.status_code, head.headers["upload-offset"], head.headers["upload-length"]) == (200, "5", "10")
    assert head.headers["cache-control"] == "no-store" and head.headers["tus-resumable"] == "1.0.0"
    upload = location.rpartition("/")[2]
    with pytest.raises(ConflictError, match=r"clip.mp4: 5 of 10 bytes"):
        site.uploads.whole(upload)
    assert patch(tus, location, 5, b"56789").status_code == 204
    whole = site.uploads.whole(upload)
    assert whole.path.read_bytes() == b"0123456789" and whole.name == "clip.mp4"
    assert tus.delete(location).status_code == 204
    assert tus.head(location).status_code == tus.delete(location).status_code == 404
    assert not list(site.uploads.folder.iterdir())


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "{}", "5", '{"name": 1, "length": "x"}', f'{{"name": "x", "length": {10**30}}}']
)
def test_a_damaged_upload_keeps_nobody_from_the_others(site: Site, tus: TestClient, damage: str) -> None:
    location, other = create(tus), create(tus)
    folder = site.uploads.folder / location.rpartition("/")[2]
    (folder / "upload.json").write_text(damage)
    assert tus.head(location).status_code == patch(tus, location, 0, b"01").status_code == 404
    assert patch(tus, other, 0, b"01").status_code == patch(tus, create(tus), 0, b"01").status_code == 204
    Uploads(site.uploads.folder)  # as a server that starts
    assert folder.exists(), "it expires as any other"
    assert tus.delete(location).status_code == 204 and not folder.exists()


def test_what_is_no_upload_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for path in (tmp_path / "note.txt", tmp_path / "photos" / "mine.jpg"):
        path.touch()
    Uploads(tmp_path, kept=-1).create(10, "clip.mp4")
    assert {path.name for path in tmp_path.iterdir()} > {"note.txt", "photos"}
    assert (tmp_path / "photos" / "mine.jpg").exists()


def test_what_the_server_can(tus: TestClient) -> None:
    headers = tus.options(UPLOADS).headers
    assert headers["tus-max-size"] == "10000000" and headers["tus-extension"] == "creation,termination,expiration"


@pytest.mark.parametrize(
    ("length", "status"),
    [("-5", 422), ("99999999999", 413), ("1" * 30, 422), ("x", 422), ("1.5", 422), ("", 422), ("10000001", 413)],
)
def test_lengths_that_lie(site: Site, tus: TestClient, length: str, status: int) -> None:
    """A library for tus took a length of -5, and any beyond the limit."""
    response = tus.post(UPLOADS, headers={"upload-length": length})
    assert response.status_code == status and list(response.json()) == ["detail"]
    assert tus.post(UPLOADS).status_code == 422
    assert not list(site.uploads.folder.iterdir())


def test_the_length_may_be_all_there_is(site: Site, tus: TestClient) -> None:
    assert site.uploads.whole(create(tus, 0).rpartition("/")[2]).length == 0
    create(tus, 10_000_000)


def test_more_bytes_than_were_told(site: Site, tus: TestClient) -> None:
    location = create(tus)
    assert patch(tus, location, 0, b"x" * 11).status_code == 413
    assert patch(tus, location, 0, b"x" * (2 * CHUNK)).status_code == 413
    assert tus.head(location).headers["upload-offset"] == "0"
    assert patch(tus, location, 0, b"x" * 10).status_code == 204
    assert patch(tus, location, 10, b"x").status_code == 413


@pytest.mark.parametrize("offset", [1, 4, 6, 10, 11, 10**18])
def test_an_offset_that_is_not_the_end(tus: TestClient, offset: int) -> None:
    location = create(tus)
    patch(tus, location, 0, b"01234")
    response = patch(tus, location, offset, b"xxx")
    assert response.status_code == 409 and "goes on at byte 5" in response.json()["detail"]
    assert tus.head(location).headers["upload-offset"] == "5"


@pytest.mark.parametrize("offset", ["-1", "x", "", "1" * 25])
def test_an_offset_that_is_none(tus: TestClient, offset: str) -> None:
    assert patch(tus, create(tus), offset, b"xxx").status_code == 422


def test_other_types_and_versions(tus: TestClient) -> None:
    location = create(tus)
    assert patch(tus, location, 0, b"1", **{"content-type": "image/png"}).status_code == 415
    assert patch(tus, location, 0, b"1", **{"content-type": "text/plain"}).status_code == 415
    refused = patch(tus, location, 0, b"1", **{"tus-resumable": "0.2.2"})
    assert refused.status_code == 412 and refused.headers["tus-version"] == "1.0.0"
    assert tus.head(location, headers={"tus-resumable": ""}).status_code == 412


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\a.mp4", "a.mp4"),
        ("a\0b\n.mp4", "a"),
        ("..", "file"),
        ("x" * 1000 + ".mp4", None),
        ("ü 😀.mov", "ü 😀.mov"),
        ("‮4pm.exe", None),
        ("<script>.svg", "script.svg"),
        ("con", "con"),
        ("", "file"),
    ],
)
def test_names_with_tricks(site: Site, tus: TestClient, name: str, kept: str | None) -> None:
    """A name is shown, and never a path: what lies on the disk is named by us."""
    upload = site.uploads.get(create(tus, 1, name).rpartition("/")[2])
    assert upload.path.parent.parent == site.uploads.folder and upload.path.name == "data"
    assert len(upload.name) <= 120 and "\n" not in upload.name and "‮" not in upload.name
    if kept is not None:
        assert upload.name.startswith(kept)


@pytest.mark.parametrize(
    "metadata", ["filename ****", "filename", "a,b,,c", "filename /w==", "x" * 4097, "filename YQ==,filename Yg=="]
)
def test_metadata_of_every_form(site: Site, tus: TestClient, metadata: str) -> None:
    response = tus.post(UPLOADS, headers={"upload-length": "1", "upload-metadata": metadata})
    assert response.status_code in (201, 400, 422)
    if response.status_code == 201:
        assert site.uploads.get(response.headers["location"].rpartition("/")[2]).name


@pytest.mark.parametrize("upload", ["..", "0" * 31, "0" * 32, "../" + "0" * 32, "%2e%2e", "A" * 32, "0" * 32 + "\n"])
def test_ids_that_are_none(site: Site, tus: TestClient, upload: str) -> None:
    with pytest.raises(MissingError):
        site.uploads.get(upload)
    assert tus.head(f"{UPLOADS}/{upload.strip()}").status_code in (404, 405, 422)


def test_a_disk_with_no_room_for_what_was_promised(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What others were promised counts, and what is left is for the rest of the work."""

    class Disk(NamedTuple):
        total: int
        used: int
        free: int

    monkeypatch.setattr("vera.service.uploads.shutil.disk_usage", lambda path: Disk(0, 0, (1 << 30) + 100))
    first = site.uploads.create(60, "a")
    with pytest.raises(NoRoomError, match="no room"):
        site.uploads.create(41, "b")
    site.uploads.create(40, "b")
    first.path.write_bytes(b"x" * 30)  # half of it is there
    site.uploads.create(30, "c")
    with pytest.raises(NoRoomError):
        site.uploads.create(1, "d")


def test_a_disk_that_fills_meanwhile(site: Site, tus: TestClient) -> None:
    location, content = create(tus, 100_000), os.urandom(100_000)
    with small_disk(30_000):
        assert patch(tus, location, 0, content).status_code == 507
    offset = int(tus.head(location).headers["upload-offset"])
    assert patch(tus, location, offset, content[offset:]).status_code == 204
    assert site.uploads.whole(location.rpartition("/")[2]).path.read_bytes() == content


async def pieces(
    *held: bytes, wait: "asyncio.Event | None" = None, error: Exception | None = None
) -> AsyncIterator[bytes]:
    for number, piece in enumerate(held):
        if number and wait is not None:
            await wait.wait()
        yield piece
    if error is not None:
        raise error


async def hanging(uploads: Uploads, late: asyncio.Event) -> "tuple[str, asyncio.Task[int]]":
    """An upload of three chunks, and a request that has sent one, and sends another once `late` is set."""
    upload = uploads.create(3 * CHUNK, "a").id
    request = asyncio.create_task(uploads.append(upload, 0, pieces(b"a" * CHUNK, b"x" * CHUNK, wait=late)))
    while uploads.get(upload).offset < CHUNK:
        await asyncio.sleep(0.01)
    return upload, request


def test_a_connection_that_breaks_off_leaves_what_came(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    upload = uploads.create(3 * CHUNK, "a").id
    with pytest.raises(ConnectionError):
        asyncio.run(uploads.append(upload, 0, pieces(b"a" * CHUNK, b"b" * 5, error=ConnectionError())))
    assert uploads.get(upload).offset == CHUNK + 5


def test_a_later_request_takes_the_place_of_one_that_hangs(tmp_path: Path) -> None:
    """The first connection is dead, and nobody knows: the client has begun again."""

    async def both() -> None:
        uploads, late = Uploads(tmp_path), asyncio.Event()
        upload, first = await hanging(uploads, late)
        assert await uploads.append(upload, CHUNK, pieces(b"b" * CHUNK)) == 2 * CHUNK
        late.set()
        with pytest.raises(ConflictError, match="another request"):
            await first
        assert await uploads.append(upload, 2 * CHUNK, pieces(b"c" * CHUNK)) == 3 * CHUNK
        assert uploads.whole(upload).path.read_bytes() == b"a" * CHUNK + b"b" * CHUNK + b"c" * CHUNK

    asyncio.run(both())


def test_removed_while_it_comes(tmp_path: Path) -> None:
    async def both() -> None:
        uploads, late = Uploads(tmp_path), asyncio.Event()
        upload, first = await hanging(uploads, late)
        await uploads.remove(upload)
        late.set()
        with pytest.raises(ConflictError):
            await first
        assert not list(tmp_path.iterdir())

    asyncio.run(both())


@settings(max_examples=25)
@given(st.lists(st.binary(min_size=1, max_size=50), max_size=6), st.integers(1, 20))
def test_any_pieces_are_the_same_file(parts: list[bytes], chunk: int) -> None:
    """However it is cut, by requests and by packets."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr("vera.service.uploads.CHUNK", chunk)
        uploads, content = Uploads(Path(folder)), b"".join(parts)
        upload = uploads.create(len(content), "a").id

        async def send() -> int:
            offset = 0
            for part in parts:
                packets = [part[start : start + 7] for start in range(0, len(part), 7)]
                offset = await uploads.append(upload, offset, pieces(*packets))
            return offset

        assert asyncio.run(send()) == len(content) == uploads.whole(upload).offset
        assert uploads.whole(upload).path.read_bytes() == content


def test_a_restart_goes_on(tmp_path: Path) -> None:
    upload = Uploads(tmp_path).create(10, "a").id
    asyncio.run(Uploads(tmp_path).append(upload, 0, pieces(b"01234")))
    assert asyncio.run(Uploads(tmp_path).append(upload, 5, pieces(b"56789"))) == 10


def aged(folder: Path, days: int = 3) -> Callable[[], None]:
    old = time.time() - days * 86400
    return lambda: [os.utime(path, (old, old)) for path in (folder / "data", folder) if path.exists()]  # type: ignore[return-value]


def test_what_nobody_goes_on_with_expires(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    partial, whole, cut = uploads.create(10, "a"), uploads.create(2, "b"), tmp_path / ("f" * 32)
    whole.path.write_bytes(b"ab")
    cut.mkdir()  # killed before it said how long it is
    for folder in (partial.path.parent, whole.path.parent, cut):
        aged(folder)()
    uploads.expire()
    assert uploads.get(partial.id)  # this process began it, and by its own clock it is new: the machine's jumped
    Uploads(tmp_path)
    with pytest.raises(MissingError):
        uploads.get(partial.id)
    assert uploads.whole(whole.id) and not cut.exists()
    aged(whole.path.parent, 8)()  # it was refused, or never used
    Uploads(tmp_path)
    with pytest.raises(MissingError):
        uploads.whole(whole.id)


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    upload = uploads.create(10, "a")
    shutil.rmtree(upload.path.parent)
    with pytest.raises(MissingError):
        asyncio.run(uploads.append(upload.id, 0, pieces(b"x")))
    with pytest.raises(TooLargeError):
        Uploads(tmp_path, limit=5).create(6, "a")

"""Files of a root, in ranges, and nothing else: what others served by name, by prefix, by link or by a sniffed type."""

from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.service.conftest import Site

from vera.errors import VeraError, printable
from vera.service.errors import MissingError
from vera.service.media import FOREVER, media
from vera.service.names import inside, plain_name


def fill(files: Path) -> bytes:
    content = bytes(range(256)) * 40
    (files / "clip.mp4").write_bytes(content)
    return content


def test_whole_and_in_ranges(site: Site) -> None:
    content, client = fill(site.files), site.program()

    def get(ranges: str = "") -> tuple[int, bytes]:
        response = client.get("/api/v1/files/clip.mp4", headers={"range": ranges} if ranges else {})
        assert response.headers.get("content-type", "").startswith(("video/mp4", "multipart/byteranges", "text/plain"))
        return response.status_code, response.content

    assert get() == (200, content)
    assert get("bytes=10-19") == (206, content[10:20])
    assert get("bytes=-5") == (206, content[-5:])
    assert get("bytes=10000-") == (206, content[10000:])
    assert get("bytes=0-99999999") == (206, content)
    assert get("bytes=99999999-")[0] == 416
    status, body = get("bytes=0-1,5-6")
    assert status == 206 and content[0:2] in body and content[5:7] in body
    assert get("bytes=5-1")[0] == 400
    assert get(f"bytes={','.join(f'{n}-{n}' for n in range(0, 1000, 2))}") == (200, content)  # no page asks for so many


def test_what_a_browser_has_is_asked_for_by_its_tag(site: Site) -> None:
    content, client = fill(site.files), site.program()
    tag = client.get("/api/v1/files/clip.mp4").headers["etag"]
    ranged = {"range": "bytes=0-1"}
    assert client.get("/api/v1/files/clip.mp4", headers={**ranged, "if-range": tag}).status_code == 206
    (site.files / "clip.mp4").write_bytes(content[::-1] + b"x")
    assert client.get("/api/v1/files/clip.mp4", headers={**ranged, "if-range": tag}).status_code == 200


@pytest.mark.parametrize("name", ["a.svg", "a.html", "a.xml", "a.js", "a", "a.mp4.html", "a.PHP"])
def test_what_a_browser_could_run_is_a_file_to_save(site: Site, name: str) -> None:
    """Stored scripts: an uploaded SVG or page that is shown runs in the name of who looks at it."""
    (site.files / name).write_text("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    headers = site.program().get(f"/api/v1/files/{name}").headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment") and headers["x-content-type-options"] == "nosniff"


def test_a_type_is_of_the_name_and_not_of_the_content(site: Site) -> None:
    (site.files / "a.png").write_text("<script>alert(1)</script>")
    response = site.program().get("/api/v1/files/a.png")
    assert response.headers["content-type"] == "image/png" and response.headers["x-content-type-options"] == "nosniff"


def test_links_are_followed_before_the_place_is_judged(site: Site, tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").write_text("secret")
    (tmp_path / "files2").mkdir()  # begins like the root
    (tmp_path / "files2" / "b.mp4").write_text("secret")
    (site.files / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (site.files / "up").symlink_to(tmp_path)
    (site.files / "own.mp4").symlink_to(site.files / "clip.mp4")
    fill(site.files)
    for path in (
        "link.mp4",
        "up/secret.mp4",
        "../secret.mp4",
        "../files2/b.mp4",
        "up/files2/b.mp4",
        "",
        ".",
        "nothing",
    ):
        with pytest.raises(MissingError, match="no such file"):
            media(site.files / path, site.files)
    assert media(site.files / "own.mp4", site.files).media_type == "video/mp4"


@pytest.mark.parametrize(
    "name", ["..%2f..%2fsecret.mp4", "%2e%2e", "..%5csecret.mp4", "link.mp4", "%00", "a%0a.mp4", "x" * 5000, "%ff"]
)
def test_names_in_urls_that_would_lead_out(site: Site, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.mp4").write_text("private")
    (site.files / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    response = site.program().get(f"/api/v1/files/{name}")
    assert response.status_code == 404 and "private" not in response.text


def test_forever_and_downloads(site: Site) -> None:
    fill(site.files)
    response = media(site.files / "clip.mp4", site.files, immutable=True, download='../"ä\n.mp4')
    assert response.headers["cache-control"] == FOREVER
    assert response.headers["content-disposition"] == "attachment; filename*=utf-8''%C3%A4%5Cx0a.mp4" or (
        "\n" not in response.headers["content-disposition"]
    )


OUT = [
    "..",
    "../x",
    "a/../../x",
    "/etc",
    "//host/share",
    "C:/x",
    "C:x",
    "c:",
    "\\x",
    "a\\..\\..\\x",
    "\\\\host\\share",
    "a\0",
    "",
    ".",
]


@pytest.mark.parametrize("name", OUT)
def test_names_that_lead_out_on_some_system(tmp_path: Path, name: str) -> None:
    """`isabs` of one system lets pass what is absolute on another."""
    with pytest.raises(VeraError, match="folder"):
        inside(tmp_path, name)


def test_a_link_that_leads_out(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/link").symlink_to(tmp_path)
    with pytest.raises(VeraError, match="leads out"):
        inside(tmp_path / "root", "link/x")


@given(st.text(alphabet="ab./\\:C \n", max_size=12))
def test_whatever_is_let_in_stays_inside(name: str) -> None:
    root = Path("/nowhere/root")
    try:
        place = inside(root, name)
    except VeraError:
        return
    assert place.is_relative_to(root) and place != root
    windows = PureWindowsPath("D:/root") / name
    assert windows.is_relative_to("D:/root") and ".." not in windows.parts


@given(st.text(max_size=300))
def test_a_strangers_name_for_a_file(name: str) -> None:
    plain = plain_name(name)
    assert 0 < len(plain) <= 120 and printable(plain) == plain and plain not in (".", "..")
    assert not set(plain) & set('/\\:*?"<>|\0') and plain_name(plain) == plain


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("a.mp4", "a.mp4"),
        ("../../x/b c.mp4", "b c.mp4"),
        ("C:\\fake\\d.mov", "d.mov"),
        ("..", "file"),
        ("…ü.mp4", "…ü.mp4"),
        ("", "file"),
    ],
)
def test_names_that_browsers_give(name: str, plain: str) -> None:
    assert plain_name(name) == plain

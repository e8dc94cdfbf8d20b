"""A server that is started: where it is, what it says, what it loads, and how it ends."""

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from vera.errors import VeraError
from vera.service.guard import host_name
from vera.service.run import address, allowed_hosts, bind
from vera.service.tokens import check_host, read_token

SCRIPT = """
import socket
import sys
from contextlib import contextmanager
from vera.service.access import Access
from vera.service.app import make_app
from vera.service.run import allowed_hosts, serve

host, known = sys.argv[2], socket.getaddrinfo
socket.getaddrinfo = lambda name, *more, **options: known(name.replace("studio.test", "127.0.0.1"), *more, **options)
access = Access()
app = make_app(title="t", hosts=allowed_hosts(host), access=access, routers=[], public=[access.router])

@app.get("/slow")
async def slow():
    import asyncio
    await asyncio.sleep(600)

@contextmanager
def beside(url):
    try:
        yield
    finally:
        print("beside ended", flush=True)

try:
    serve(app, host, int(sys.argv[1]), ready=lambda url: print(url + access.link(), flush=True), beside=beside)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def started(host: str = "127.0.0.1") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "0", host], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_server_from_its_link_to_its_end() -> None:
    """The link works once the server says it, no log has the token, and a request without end does not hold it up."""
    process = started()
    assert process.stdout is not None
    link = process.stdout.readline().strip()
    base = link.partition("/open")[0]
    with httpx2.Client() as browser:
        opened = browser.get(link)
        assert opened.status_code == 303 and "server" not in opened.headers
        assert browser.get(link).status_code == 403
        assert browser.get(f"{base}/openapi.json").status_code == 200
        assert browser.get(f"{base}/openapi.json?token=seen").status_code == 200
        assert httpx2.get(f"{base}/openapi.json").status_code == 401
    threading.Thread(target=lambda: httpx2.get(f"{base}/slow", timeout=60), daemon=True).start()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert out.splitlines() == ["beside ended", "interrupted"]
    assert link.partition("=")[2] not in err and "seen" not in err


@pytest.mark.faults
def test_a_server_at_a_name_answers_to_the_link_that_it_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    known = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda name, *more, **options: known("127.0.0.1", *more, **options)
    )  # for the client
    process = started("studio.test")
    assert process.stdout is not None
    link = process.stdout.readline().strip()
    assert link.startswith("http://studio.test:")
    assert httpx2.get(link, trust_env=False).status_code == 303
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)


def test_neither_torch_nor_opencv_are_loaded() -> None:
    code = (
        "import sys, vera.service.run, vera.service.app, vera.service.access, vera.service.tus, vera.jobs.router\n"
        "import vera.jobs.embedded, vera.jobs.worker, vera.jobs.runner\n"
        "print(sorted({'torch', 'cv2', 'numpy', 'av', 'diffusers'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_a_runner_does_not_load_the_server() -> None:
    code = "import sys, vera.jobs.runner\nprint('fastapi' in sys.modules, 'httpx2' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False False"


def test_a_port_that_is_taken() -> None:
    with bind("127.0.0.1") as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(VeraError, match=rf"127\.0\.0\.1:{port}: cannot be served at"):
            bind("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port"), [("no.such.host.invalid", 0), ("203.0.113.7", 0), ("127.0.0.1", 70_000), ("", -1), ("a" * 300, 0)]
)
def test_what_cannot_be_served_at(host: str, port: int) -> None:
    with pytest.raises(VeraError, match="cannot be served at"):
        bind(host, port)


def test_answers_are_sent_at_once() -> None:
    """Without a wait for what the other side says to the first part of one: 40 ms of each answer, once."""

    async def nodelay() -> int:
        found = asyncio.get_running_loop().create_future()

        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with bind("127.0.0.1") as bound:
            async with await asyncio.start_server(accepted, sock=bound):
                _, writer = await asyncio.open_connection(*bound.getsockname())
                writer.close()
                return int(await found)

    assert asyncio.run(nodelay()) == 1


def test_addresses() -> None:
    with bind("127.0.0.1") as bound:
        port = bound.getsockname()[1]
        assert address(bound, "127.0.0.1") == address(bound, "0.0.0.0") == f"http://127.0.0.1:{port}"
        assert address(bound, "::1") == address(bound, "::") == f"http://[::1]:{port}"
        assert address(bound, "192.0.2.1", ["studio.test"]) == f"http://192.0.2.1:{port}"


@pytest.mark.faults
def test_an_address_is_one_that_its_server_answers_to() -> None:
    with bind("127.0.0.1") as bound:
        for host in ("127.0.0.1", "localhost", "studio.test", "fe80::1", "0.0.0.0", "::"):
            names = ["browsers.test", "others.test"]
            for url in (address(bound, host), address(bound, host, names)):
                assert host_name(urlsplit(url).netloc) in allowed_hosts(host, names)
        assert address(bound, "0.0.0.0", names) == f"http://browsers.test:{bound.getsockname()[1]}"


def test_names_that_a_server_answers_to() -> None:
    local = ["127.0.0.1", "localhost", "[::1]"]
    assert allowed_hosts("localhost") == allowed_hosts("127.0.0.1") == local
    assert allowed_hosts("10.0.0.1", ["studio.example.com"]) == ["10.0.0.1", "studio.example.com"]
    assert allowed_hosts("fe80::1") == ["[fe80::1]"]
    assert allowed_hosts("0.0.0.0", ["studio.example.com"]) == [*local, "studio.example.com"]
    for host in ("0.0.0.0", "::", ""):
        with pytest.raises(VeraError, match="name what browsers call this machine"):
            allowed_hosts(host)


def test_a_token_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("0123456789abcdef\n")
    path.chmod(0o600)
    assert read_token(path) == "0123456789abcdef"
    path.chmod(0o640)
    with pytest.raises(VeraError, match="others can read it; chmod 600"):
        read_token(path)


@pytest.mark.parametrize(
    "text", ["", "short", "0123456789abcdef 1", "é" * 20, "0123456789abcdef\nx", "0123456789\x000abcdef"]
)
def test_files_that_hold_no_token(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(VeraError, match="holds no token"):
        read_token(path)


def test_another_host_wants_a_token(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        check_host(host, None)
    check_host("0.0.0.0", tmp_path / "token")
    for host in ("0.0.0.0", "::", "192.168.0.2", "", "localhost.evil.example"):
        with pytest.raises(VeraError, match="--token-file"):
            check_host(host, None)

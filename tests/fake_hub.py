"""The part of the hub's HTTP API that Vera needs, on the loopback, with models and data sets in memory."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit


class FakeHub(ThreadingHTTPServer):
    """`models` are the files of each model or data set by name; those `gated` may be seen but not read.

    `down` answers 503. `commits` counts the uploads, `asked` all requests, `sent` the files given.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.models: dict[str, dict[str, bytes]] = {}
        self.gated: set[str] = set()
        self.down = False
        self.commits = self.asked = 0
        self.sent: list[str] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add_folder(self, name: str, folder: Path) -> None:
        files = (path for path in folder.rglob("*") if path.is_file())
        self.models[name] = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        thread = Thread(target=hub.serve_forever)
        thread.start()
        yield hub
        hub.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        self.server.asked += 1
        if parts[0] == "datasets":
            del parts[0]
        if self.server.down:
            self._send(503)
        elif parts[0] == "api" and parts[1] in ("models", "datasets"):
            name, rest = "/".join(parts[2:4]), parts[4:]
            if name not in self.server.models:
                self._send(401, error="RepoNotFound")
            elif rest[:1] == ["revision"] and rest[1] not in ("main", self._commit(name)):
                self._send(404, error="RevisionNotFound")
            elif rest[:1] == ["tree"] and len(rest) > 2:
                folder = [file for file in self._tree(name) if file["path"].rpartition("/")[0] == "/".join(rest[2:])]
                self._send(200, folder) if folder else self._send(404, error="EntryNotFound")
            elif rest[:1] == ["tree"]:
                self._send(200, self._tree(name))
            else:
                self._send(200, self._info(name))
        elif parts[2:3] == ["resolve"]:
            self._send_file("/".join(parts[:2]), "/".join(parts[4:]))
        else:
            self._send(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        parts = urlsplit(self.path).path.strip("/").split("/")
        name = "/".join(parts[2:4])
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            code = 409 if name in self.server.models else 200
            self.server.models.setdefault(name, {})
            self._send(code, {"url": f"{self.server.endpoint}/{name}", "id": name})
        elif self.path == "/api/validate-yaml":
            self._send(200, {"errors": [], "warnings": []})
        elif parts[4] == "preupload":
            files = [file["path"] for file in json.loads(body)["files"]]
            modes = [{"path": path, "uploadMode": "regular", "shouldIgnore": False, "oid": None} for path in files]
            self._send(200, {"files": modes})
        elif parts[4] == "commit":
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    content = base64.b64decode(line["value"]["content"])
                    self.server.models[name][line["value"]["path"]] = content
            self.server.commits += 1
            commit = self._commit(name)
            self._send(200, {"commitUrl": f"{self.server.endpoint}/{name}/commit/{commit}", "commitOid": commit})
        else:
            self._send(404)

    def _commit(self, name: str) -> str:
        return hashlib.sha1(repr(sorted(self.server.models[name].items())).encode()).hexdigest()

    def _info(self, name: str) -> dict[str, Any]:
        siblings = [{"rfilename": path} for path in self.server.models[name]]
        return {"id": name, "sha": self._commit(name), "siblings": siblings, "private": False, "tags": []}

    def _tree(self, name: str) -> list[dict[str, Any]]:
        files = self.server.models[name].items()
        return [{"type": "file", "path": path, "size": len(data), "oid": _hash(data)} for path, data in files]

    def _send_file(self, name: str, path: str) -> None:
        if name not in self.server.models:
            self._send(401, error="RepoNotFound")
        elif name in self.server.gated:
            self._send(403, error="GatedRepo")
        elif path not in self.server.models[name]:
            self._send(404, error="EntryNotFound")
        else:
            data = self.server.models[name][path]
            if self.command == "GET":
                self.server.sent.append(path)
            self._send(200, data, {"ETag": f'"{_hash(data)}"', "X-Repo-Commit": self._commit(name)})

    def _send(
        self, code: int, content: Any = b"", headers: dict[str, str] | None = None, error: str | None = None
    ) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(code)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        if error is not None:
            self.send_header("X-Error-Code", error)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing on the terminal."""


def _hash(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()

"""An upload whose server is killed again and again."""

import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

SIZE, KILLS, TOKEN = 48 << 20, 10, "0123456789abcdef"
SERVER = """
import sys
from pathlib import Path
from vera.service.access import Access
from vera.service.app import make_app
from vera.service.run import allowed_hosts, serve
from vera.service.tus import uploads_router
from vera.service.uploads import Uploads

uploads = Uploads(Path(sys.argv[1]))
access, hosts = Access(sys.argv[3]), allowed_hosts("127.0.0.1")
app = make_app(title="t", hosts=hosts, access=access, routers=[uploads_router(uploads)])
serve(app, port=int(sys.argv[2]), ready=lambda url: print(url, flush=True))
"""


def served(folder: Path, port: int) -> "tuple[subprocess.Popen[str], str]":
    command = [sys.executable, "-c", SERVER, str(folder), str(port), TOKEN]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, server.stdout.readline().strip()


@pytest.mark.slow
def test_an_upload_goes_on_after_every_kill(tmp_path: Path) -> None:
    """What arrived is kept, nothing comes twice, and the file is the one that was sent."""
    content, chance, offsets = os.urandom(SIZE), random.Random(1), [0]
    server, url = served(tmp_path, 0)
    port = int(url.rpartition(":")[2])
    headers = {"Authorization": f"Bearer {TOKEN}", "Tus-Resumable": "1.0.0"}
    kind = {"Content-Type": "application/offset+octet-stream"}
    try:
        with httpx2.Client(base_url=url, headers=headers, timeout=60) as client:
            place = client.post("/api/v1/uploads", headers={"Upload-Length": str(SIZE)}).headers["location"]
            while offsets[-1] < SIZE:
                if len(offsets) <= KILLS:
                    threading.Timer(chance.uniform(0.05, 0.4), server.kill).start()
                try:
                    told = {**kind, "Upload-Offset": str(offsets[-1]), "Content-Length": str(SIZE - offsets[-1])}
                    client.patch(place, content=slowly(content[offsets[-1] :]), headers=told)
                except httpx2.HTTPError:
                    server.wait()
                    server, _ = served(tmp_path, port)
                offsets.append(int(client.head(place).headers["upload-offset"]))
    finally:
        server.kill()
        server.wait()
    (data,) = tmp_path.glob("*/data")
    assert hashlib.sha256(data.read_bytes()).digest() == hashlib.sha256(content).digest()
    assert offsets == sorted(offsets) and len(offsets) > KILLS
    print(f"{KILLS} kills of the server within {SIZE >> 20} MiB: it went on at {[o >> 20 for o in offsets]} MiB")


CLIENT = """
const { Upload } = require("tus-js-client");
const [path, endpoint, token] = process.argv.slice(1);
const options = (more) => ({
  endpoint, chunkSize: 3 << 20, retryDelays: [0, 500], headers: { Authorization: `Bearer ${token}` },
  metadata: { filename: "ü clip.mp4", filetype: "video/mp4" }, ...more,
});
const file = () => require("fs").createReadStream(path);
const size = require("fs").statSync(path).size;
const first = new Upload(file(), options({ uploadSize: size, onChunkComplete: async () => {
  await first.abort();
  const second = new Upload(file(), options({ uploadSize: size, uploadUrl: first.url, onError: fail, onSuccess: () => {
    console.log("done");
    process.exit(0);
  } }));
  second.start();
}, onError: fail }));
function fail(error) { console.error(String(error)); process.exit(1); }
first.start();
"""
MODULES = Path(__file__).parents[2] / "web" / "node_modules"


@pytest.mark.slow
@pytest.mark.skipif(not (MODULES / "tus-js-client").is_dir(), reason="npm ci in web/ gives the client")
def test_the_pages_own_client_breaks_off_and_goes_on(tmp_path: Path) -> None:
    content = os.urandom(10_000_000)
    (tmp_path / "clip").write_bytes(content)
    server, url = served(tmp_path / "uploads", 0)
    try:
        command = ["node", "-e", CLIENT, str(tmp_path / "clip"), f"{url}/api/v1/uploads", TOKEN]
        told = subprocess.run(
            command, capture_output=True, text=True, timeout=300, env={**os.environ, "NODE_PATH": str(MODULES)}
        )
        assert (told.returncode, told.stdout) == (0, "done\n"), told.stderr
    finally:
        server.kill()
        server.wait()
    (upload,) = (tmp_path / "uploads").iterdir()
    assert (upload / "data").read_bytes() == content
    assert json.loads((upload / "upload.json").read_text()) == {"name": "ü clip.mp4", "length": len(content)}


def slowly(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), 256 << 10):
        yield content[start : start + (256 << 10)]
        time.sleep(0.01)

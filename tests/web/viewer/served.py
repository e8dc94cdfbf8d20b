"""The viewer's page, built on the spot and served with its clips on the loopback."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

WEB = Path(__file__).parents[3] / "web"
SOFTWARE_WEBGL = "--enable-unsafe-swiftshader"  # Chromium's argument for WebGL on the processor


def build_page(folder: Path) -> None:
    """Build `dev.html` and what it needs into a folder."""
    command = ["npx", "vite", "build", "-c", "viewer/dev.config.ts", "--outDir", str(folder), "--emptyOutDir"]
    subprocess.run(command, cwd=WEB, check=True, capture_output=True)


@contextmanager
def served(page: Path, media: Path) -> Iterator[str]:
    """Serve the page, and a folder below `media/`; gives the address."""
    routes = [Mount("/media", StaticFiles(directory=media)), Mount("/", StaticFiles(directory=page))]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()

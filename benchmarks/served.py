"""A command of `vera` that serves, for benchmarks and tests that kill it."""

import signal
import socket
import subprocess
import sys
import time

import httpx2 as httpx

STARTS = 120.0  # seconds that a server has to start


class Server:
    """`vera` with some arguments, serving on one port of this machine; it can be killed and started again."""

    def __init__(self, *arguments: object) -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            port = bound.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "vera", *map(str, arguments), "--port", str(port)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + STARTS
        while time.monotonic() < until:
            try:
                httpx.get(self.url, timeout=2)
                return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise TimeoutError("the server did not start")

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
